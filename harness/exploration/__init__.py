"""The loop that explores schedules of a scenario."""
