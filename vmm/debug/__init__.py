"""A run that is stopped anywhere, gone on and back in, and feels nothing of it: for gdb, the stepper and monitors."""
