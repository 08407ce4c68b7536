"""Scenario kinds, one file each: what is called, under which schedules, and what must hold."""
