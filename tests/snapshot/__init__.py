"""Snapshots: to restore one and go on is never to have stopped."""
