"""Scenarios: triggers, tasks, stimuli."""
