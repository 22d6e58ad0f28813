"""A recorded run once more, and where two of them differ first."""
