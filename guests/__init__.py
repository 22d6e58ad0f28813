"""Bundled guests: a directory each with source, expected outcome (guest.toml) and prebuilt image; shared headers."""
