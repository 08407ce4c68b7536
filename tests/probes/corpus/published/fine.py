"""What the published threads ended with: the fixed forms, which must be called fine."""

from __future__ import annotations

import functools
import logging
import operator
import pathlib
import threading
from typing import Any
from unittest import mock

from tests.probes.corpus.case import Case, Fails


class Service:
    """A logger is pickled by its name since bpo-30520."""

    def __init__(self) -> None:
        self.log = logging.getLogger("corpus.published.service")
        self.retries = 3


class MaskDataset:
    def __init__(self) -> None:
        self.mask_list = [pathlib.Path("masks")]


class NamedSentinel:
    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> str:
        return self.name


MISSING = NamedSentinel("MISSING")


class RunwayError(Exception):
    """rackspace/runway#2405: the published remedy."""

    def __init__(self, provider: str, reason: str) -> None:
        self.provider = provider
        self.reason = reason
        super().__init__(f"{provider}: {reason}")

    def __reduce__(self) -> Any:
        return (type(self), (self.provider, self.reason))


class GuardedWrapper:
    """cggh/scikit-allel#427: the proxy that refuses dunder names."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)


class Sampler:
    """dfm/emcee#572 after the fix: the state is copied, the lock is made again."""

    def __init__(self) -> None:
        self.steps = 100
        self.lock = threading.Lock()

    def __getstate__(self) -> Any:
        state = self.__dict__.copy()
        del state["lock"]
        return state

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        self.lock = threading.Lock()


CASES: tuple[Case, ...] = (
    Case(
        "portage_partial",
        Fails.NOTHING,
        lambda: functools.partial(operator.setitem, {}, "context"),
        source="gentoo/portage#1260",
    ),
    Case("logger_by_name", Fails.NOTHING, Service, source="python/cpython bpo-30520"),
    Case("yolop_list", Fails.NOTHING, MaskDataset, source="hustvl/YOLOP#131"),
    Case("boltons_named_sentinel", Fails.NOTHING, lambda: {"default": MISSING}, source="mahmoud/boltons#285"),
    Case("mock_sentinel", Fails.NOTHING, lambda: [mock.sentinel.some_name], source="testing-cabal/mock#386"),
    Case("runway_reduce", Fails.NOTHING, lambda: RunwayError("aws", "denied"), source="rackspace/runway#2405"),
    Case("scikit_allel_proxy", Fails.NOTHING, lambda: GuardedWrapper(Service()), source="cggh/scikit-allel#427"),
    Case("emcee_fixed", Fails.NOTHING, Sampler, source="dfm/emcee#572"),
)
