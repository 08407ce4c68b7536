"""Published costs: it arrives, but every task carries far too much."""

from __future__ import annotations

from tests.probes.corpus.case import Case, Expected, Fails


class PredictSet:
    def __init__(self, designs: int) -> None:
        self.paths = [f"designs/batch-{number // 100}/structure-{number}.cif" for number in range(designs)]


class Data:
    def __init__(self, designs: int) -> None:
        self.predict_set = PredictSet(designs)


class Analyze:
    """HannesStark/boltzgen#235: ``ex.submit(self.compute_metrics, i)`` sends the whole of ``self``."""

    def __init__(self, designs: int) -> None:
        self.data = Data(designs)

    def compute_metrics(self, index: int) -> str:
        return self.data.predict_set.paths[index]


CASES: tuple[Case, ...] = (
    Case(
        "boltzgen_bound_method",
        Fails.COST,
        lambda: Analyze(50_000).compute_metrics,
        (Expected("obj.__self__.data.predict_set.paths"),),
        "HannesStark/boltzgen#235",
        max_bytes=100_000,
    ),
)
