"""What the stepper shows side by side, a file a pane; each turns a run where it stands into lines."""
