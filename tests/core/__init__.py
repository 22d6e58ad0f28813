"""What the native core does for any architecture: time, turns, shared memory, repetition, snapshots."""
