"""The analysers of `fixtures.parallel_analyzer` on real workers that start from nothing (spawn).

`test_pickling` runs the forms for one clip under every start method, and two more: what a task costs and what it loses.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from harness import Violation, watch_submissions
from scenarios.reference import Form
from scenarios.reference.child import in_new_process
from scenarios.reference.crossing import blamed, crosses

SYMBOLS, DAYS = 200, 60
CLIP_FORMS = {
    "bound_initializer": "BoundInitializer",
    "lambda_self": "LambdaCapturingSelf",
    "partial_method": "PartialOfBoundMethod",
    "wrapper_closure": "WrapperClosure",
    "explicit": "ExplicitArguments",
}


def every_symbol(form: str) -> str:
    """All symbols of a batch are analysed on the pool, each as one process alone would."""
    from fixtures.global_pool.repaired import GlobalPool
    from fixtures.parallel_analyzer.market import Settings, analyze, analyze_columns

    tables = _tables()
    pool = GlobalPool()
    analyzer = importlib.import_module(f"fixtures.parallel_analyzer.{form}").BatchAnalyzer(pool)
    try:
        for _ in range(4):  # workers are there and have imported pandas: not what the batch has 25 s for
            pool.submit_safe(analyze_columns, "WARM", {"close": [1.0] * DAYS}, {}).result(120)
        with watch_submissions(pool._executor) as watch:
            batch = asyncio.run(analyzer.run(tables))
        if batch.errors:
            raise blamed(watch, next(iter(batch.errors.values())), f"{len(batch.errors)} of {SYMBOLS} symbols failed: ")
    finally:
        pool.close()
    wrong = [name for name, table in tables.items() if batch.signals.get(name) != analyze(name, table, Settings())]
    if wrong:
        raise Violation("check", f"{len(wrong)} of {SYMBOLS} symbols are missing or have another signal: {wrong[:3]}")
    rising = sum(signal.rising for signal in batch.signals.values())
    return f"{SYMBOLS} of {SYMBOLS} symbols analysed by workers, {rising} of them rising"


def _tables() -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    steps = np.random.default_rng(3).normal(0.0005, 0.02, (SYMBOLS, DAYS))
    prices = 100 * np.cumprod(1 + steps, axis=1)
    return {f"SYM{number:03d}": pd.DataFrame({"close": row}) for number, row in enumerate(prices)}


def one_clip(form: str) -> str:
    """One clip reaches the worker and comes back."""
    from fixtures.parallel_analyzer.analysis import Clip

    module = importlib.import_module(f"fixtures.parallel_analyzer.{form}")
    service = getattr(module, CLIP_FORMS[form])()
    try:
        return crosses(service.executor, lambda: service.submit(Clip("standup", 11.2)), "tiny:standup:11.2:en")
    finally:
        service.close()


def _form(form: str, function: Any, kind: str = "", tested_in: str = "") -> Form:
    name = f"scenarios.parallel_analyzer.registry:{function.__name__}"
    title = function.__name__.replace("_", " ")
    return Form("parallel_analyzer", form, title, lambda _: in_new_process(name, form, seconds=180), kind, tested_in)


FORMS = (
    *(_form(form, every_symbol, "not_picklable") for form in ("batch_lambda", "batch_partial", "batch_closure")),
    _form("batch", every_symbol),
    *(
        _form(form, one_clip, "" if form == "explicit" else "not_picklable", "scenarios/test_pickling.py")
        for form in CLIP_FORMS
    ),
)
