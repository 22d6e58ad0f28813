"""Pictures of runs: how late interrupts were, how they nested, how deep the stack was."""
