"""Judges: pure functions from what was observed to a finding. They know nothing of threads or time."""
