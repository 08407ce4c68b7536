"""A submodule that cannot be imported."""

raise ImportError("an optional dependency is missing")
