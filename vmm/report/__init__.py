"""What people and programs are told of a run: crash reports, summaries, events in files."""
