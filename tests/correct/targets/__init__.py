"""Production-like modules on disk: they make locks at import and keep state in modules and classes."""
