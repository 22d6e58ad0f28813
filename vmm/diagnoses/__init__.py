"""What went wrong with interrupts in a run, from its events alone: a file a diagnosis."""
