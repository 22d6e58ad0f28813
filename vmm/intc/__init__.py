"""Readable views of the core's interrupt controllers, and the ITS of a GICv3, which is Python."""
