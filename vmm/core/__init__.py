"""The native core as Python sees it: bus, clock, memory, the state of Python devices, why a run stopped."""
