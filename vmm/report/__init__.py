"""What people and programs are told of a run: crash reports, summaries, how a run ended."""
