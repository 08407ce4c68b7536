"""Reports on real objects from published packages, kept as files."""
