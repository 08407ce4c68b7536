"""What one case is made of, as data: which pool, what it runs, which plan, and what limits it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

BODY = "harness.faults.injected:square"


@dataclass(frozen=True, slots=True)
class Case:
    """A pool and a plan. `target` is ``package.module:function`` that makes the pool, or ``pool:<type>``.

    `submit` names its method ``(function, *args) -> Future``; `close` the one that ends it (empty: shutdown or close).
    `body` is ``package.module:function`` of a task number. `workers` is how many tasks the pool runs at once.
    `patience` is how many seconds nothing may happen before a future is held to be one that never ends.
    """

    target: str
    plan: str
    submit: str = "submit"
    close: str = ""
    body: str = BODY
    check: str = ""
    """``package.module:function`` of the pool after all tasks have ended: what is wrong with it, or an empty string."""
    tasks: int = 8
    workers: int = 2
    patience: float = 1.5
    deadline: float = 90.0
    path: tuple[str, ...] = field(default=())
    """Import folders of the process that runs the case."""

    def dump(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Case:
        """What :meth:`dump` gave."""
        data = json.loads(text)
        return cls(**{**data, "path": tuple(data["path"])})
