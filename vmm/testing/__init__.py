"""What the pytest plugin does for a test: its machines, the boundaries it is repeated at, and what a failure shows."""
