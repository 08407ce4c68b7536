"""The hang doctor: who waits for whom when a test hangs, and why a process pool broke."""

from harness.doctor.broken import BrokenPool, explain_broken_pool, watch_pools

__all__ = ["BrokenPool", "explain_broken_pool", "watch_pools"]
