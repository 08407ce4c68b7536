"""Controlled threads: real threads, one baton, cooperative primitives and a virtual clock."""
