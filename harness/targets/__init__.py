"""Production modules plugged in by name."""
