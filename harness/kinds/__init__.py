"""Scenario kinds: what is asked of a target, one file each."""
