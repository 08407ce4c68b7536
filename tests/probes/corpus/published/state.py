"""Published losses of state: both ends succeed and something is gone."""

from __future__ import annotations

from typing import Any

from tests.probes.corpus.case import Case, Expected, Fails


class FrozenList:
    """aio-libs/frozenlist#838 in short: the reducer knows the items and nothing else."""

    def __init__(self, items: list[int] | None = None) -> None:
        self._items = list(items or [])

    def __reduce__(self) -> Any:
        return (type(self), (self._items,))


class TaggedList(FrozenList):
    def __init__(self, items: list[int] | None = None) -> None:
        super().__init__(items)
        self.tag: str | None = None


def tagged() -> TaggedList:
    value = TaggedList([1, 2])
    value.tag = "urgent"
    return value


class AffineScalarFunc:
    """lmfit/uncertainties#13: the base pickles the names it knows."""

    __slots__ = ("derivatives", "nominal")

    def __init__(self, nominal: float) -> None:
        self.nominal = nominal
        self.derivatives: dict[str, float] = {}

    def __getstate__(self) -> Any:
        return {name: getattr(self, name) for name in AffineScalarFunc.__slots__}

    def __setstate__(self, state: Any) -> None:
        for name, value in state.items():
            setattr(self, name, value)


class Variable(AffineScalarFunc):
    __slots__ = ("std_dev",)

    def __init__(self, nominal: float, std_dev: float) -> None:
        super().__init__(nominal)
        self.std_dev = std_dev


class EnsembleSampler:
    """dfm/emcee#572: pickling changes the object that is pickled."""

    def __init__(self, pool: str) -> None:
        self.pool: str | None = pool
        self.steps = 100

    def __getstate__(self) -> Any:
        state = self.__dict__
        state["pool"] = None
        return state


CASES: tuple[Case, ...] = (
    Case("frozenlist_subclass", Fails.STATE, tagged, (Expected("obj.tag"),), "aio-libs/frozenlist#838"),
    Case(
        "uncertainties_slots",
        Fails.STATE,
        lambda: [Variable(1.0, 0.1)],
        (Expected("obj[0].std_dev"),),
        "lmfit/uncertainties#13",
    ),
    Case("emcee_pool", Fails.STATE, lambda: EnsembleSampler("pool"), (Expected("obj.pool"),), "dfm/emcee#572"),
)
