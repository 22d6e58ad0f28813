"""What is the matter with a machine's interrupts where it stands: a file a kind of finding, and a file a controller."""
