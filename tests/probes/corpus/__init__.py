"""Objects with a known answer: what fails, where, and which line made it. Knows nothing of the prober."""

from tests.probes.corpus.case import Case, Expected, Fails

__all__ = ["Case", "Expected", "Fails"]
