"""Recordings of events: what is in them, what they cost, what can be asked."""
