"""Objects written for this corpus: every channel and container, and the fine ones that are easily suspected."""

from tests.probes.corpus.case import Case
from tests.probes.corpus.own import after, containers, fine, functions, resources

CASES: tuple[Case, ...] = (
    *resources.CASES,
    *containers.CASES,
    *functions.CASES,
    *after.CASES,
    *fine.CASES,
)
