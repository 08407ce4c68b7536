"""The gate: base against head in one run, and one verdict for the build."""
