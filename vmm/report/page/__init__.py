"""A run as one HTML page that needs no other file: lanes of time, every interrupt's path, tables, verdicts."""
