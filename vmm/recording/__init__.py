"""Runs as files: all that comes to a machine from outside, with its place in the run."""
