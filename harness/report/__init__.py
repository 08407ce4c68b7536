"""Renders results: text, GitHub, HTML. It reads results and runs nothing."""
