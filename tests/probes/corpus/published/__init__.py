"""Objects rebuilt from published issues; each case names its thread. Written before the prober, from threads alone."""

from tests.probes.corpus.case import Case
from tests.probes.corpus.published import cost, dumps, fine, identity, loads, local_objects, state

CASES: tuple[Case, ...] = (
    *dumps.CASES,
    *local_objects.CASES,
    *loads.CASES,
    *state.CASES,
    *identity.CASES,
    *cost.CASES,
    *fine.CASES,
)
