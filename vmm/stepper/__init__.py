"""The stepper: a run on the screen, one boundary at a time, forwards and backwards; textual draws it, an extra."""
