"""The same scripts on CPython's own primitives and on the harness's: what they return and raise must agree."""
