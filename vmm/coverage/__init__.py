"""Coverage maps: before which instructions which interrupts were delivered, over runs, explorations and test suites."""
