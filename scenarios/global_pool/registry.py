"""The process-wide pool of `fixtures.global_pool`: its own code explored, and real workers that die or start anew."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from harness import Chaos, Exploration, Violation, survives
from scenarios.global_pool.work import square, square_or_die_once
from scenarios.reference import Explore, Form
from scenarios.reference.child import in_new_process
from scenarios.reference.crossing import crosses

TASKS = 24


def one_pool(explore: Explore, form: str) -> Exploration:
    """Threads that ask for the pool of the process at the same time all get the same one."""
    module = _module(form)

    def check(_: None, pools: Sequence[Any]) -> None:
        distinct = len({id(pool) for pool in pools})
        if distinct > 1:
            raise Violation("two_instances", f"{len(pools)} threads got {distinct} different pools")

    def shared(_: None) -> Any:
        return module.GlobalPool.shared(ThreadPoolExecutor)

    return explore(lambda: None, [shared] * 3, check, modules=(module.__name__,))


class _Workers(Executor):
    """An executor that is broken, or whose tasks wait in its queue until they are told to run."""

    def __init__(self, broken: bool) -> None:
        self.broken = broken
        self.queue: list[tuple[Future[Any], Callable[[], Any]]] = []
        self.ended = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.broken:
            raise BrokenExecutor("a worker died abruptly")
        if self.ended:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[Any] = Future()
        self.queue.append((future, partial(fn, *args, **kwargs)))
        return future

    def run(self) -> None:
        for future, task in self.queue:
            if future.set_running_or_notify_cancel():
                future.set_result(task())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.ended = True
        if cancel_futures:
            for future, _ in self.queue:
                future.cancel()


class _Broken:
    """A pool whose first executor has broken, and every executor that was made for it."""

    def __init__(self, form: str) -> None:
        self.executors: list[_Workers] = []
        self.pool = _module(form).GlobalPool(self.make)
        self.pool._retire = lambda broken: None  # nothing is left of a dead one; the thread would cost 8 000 schedules

    def make(self) -> _Workers:
        self.executors.append(_Workers(broken=not self.executors))
        return self.executors[-1]


def one_rebuild(explore: Explore, form: str) -> Exploration:
    """Threads that find the workers dead at the same time replace them once, and no task is lost."""

    def submit(broken: _Broken) -> Any:
        try:
            return broken.pool.submit_safe(square, 3)
        except RuntimeError as refused:
            return refused

    def check(broken: _Broken, tasks: Sequence[Any]) -> None:
        for executor in broken.executors:
            executor.run()
        results = [_result(task, 0) if isinstance(task, Future) else task for task in tasks]
        lost, rebuilds = [result for result in results if result != 9], len(broken.executors) - 1
        if rebuilds != 1:
            raise Violation(
                "double_init", f"the broken executor was replaced {rebuilds} times, and {_of(results, lost)}"
            )
        if lost:
            raise Violation("lost_update", _of(results, lost))

    modules = (_module(form).__name__,)
    return explore(lambda: _Broken(form), [submit] * 2, check, modules=modules, preemptions=1)


def _of(results: Sequence[Any], lost: Sequence[Any]) -> str:
    return f"{len(lost)} of {len(results)} tasks were lost" + (f": {lost[0]!r}" if lost else "")


def a_worker_dies(form: str) -> str:
    """On real processes: one worker is killed while tasks are under way, and every task ends with its result."""
    with tempfile.TemporaryDirectory() as folder:
        pool, marker = _module(form).GlobalPool(), str(Path(folder, "died"))
        tasks = [pool.submit_safe(square_or_die_once, number, marker) for number in range(TASKS)]
        results = [_result(task) for task in tasks]
        rebuilds = pool.health()["rebuilds"]
        pool.close()
    lost = [result for number, result in enumerate(results) if result != number * number]
    if lost:
        raise Violation("lost_update", f"one worker was killed, and {_of(results, lost)}")
    if rebuilds != 1:
        raise Violation("double_init", f"one worker was killed and the executor replaced {rebuilds} times")
    return f"one worker was killed, the executor replaced once, and {TASKS} of {TASKS} tasks ended"


KILLS = ("kill-before-body@3", "kill-in-body@5", "kill-after-body@3", "exit-in-body@2", "segv-in-body@3", "kill-idle@4")
CUTS = ("kill-in-result@3", "kill-in-result@1#5", "kill-in-result@8#2")
ERRORS = ("error-that-does-not-load@3", "interrupt-in-body@3", "disk-full@2", "failing-import@3")


def workers_are_killed(_: Explore, form: str) -> Chaos:
    """Whenever a worker is killed, in a task or between, every task is done, and one new executor does the rest."""
    plans = KILLS if form == "repaired" else KILLS[1:2]
    return _chaos(form, plans, "scenarios.global_pool.under_chaos:rebuilt_at_most_once")


def a_result_is_cut(_: Explore, form: str) -> Chaos:
    """A worker that is killed while it writes its result keeps the lock of all that write, and leaves half of it."""
    return _chaos(
        form, CUTS if form == "repaired" else CUTS[:1], "scenarios.global_pool.under_chaos:rebuilt_at_most_once"
    )


def tasks_fail(_: Explore, form: str) -> Chaos:
    """A task that cannot end well does not cost another its result, and the pool works again."""
    return _chaos(form, ERRORS if form == "repaired" else ERRORS[:1])


def _chaos(form: str, plans: Sequence[str], check: str | None = None) -> Chaos:
    target = f"scenarios.global_pool.under_chaos:{form}_pool"
    return survives(target, plans, submit="submit_safe", delivery="at-least-once", check=check)


def crosses_to_a_worker(form: str) -> str:
    """On a real worker started by spawn: the task of `timed` reaches it and comes back."""
    pool = _module(form).GlobalPool()
    try:
        return crosses(pool._executor, lambda: pool.submit_safe(square, 5), 25)
    finally:
        pool.close()


def starts_by_spawn(form: str) -> str:
    """On a real worker started by spawn: its initializer reaches it."""
    service = _module(form).LabellingService("fr")
    try:
        return crosses(service.pool._executor, lambda: service.label("a great day"), "positif")
    finally:
        service.close()


def health_of_the_old_name(explore: Explore, form: str) -> Exploration:
    """Whoever watches the pool by the name it always had reads the same report, while tasks come in."""
    module = _module(form)

    def watch(pool: Any) -> str:
        return "page somebody" if pool.health()["is_broken"] else "fine"

    def work(pool: Any) -> Any:
        return pool.submit_safe(square, 3).result()

    def check(pool: Any, results: Sequence[Any]) -> None:
        pool.close()
        if list(results) != ["fine", 9]:
            raise Violation("check", f"the watcher and the task got {results}")

    return explore(
        lambda: module.GlobalPool(lambda: ThreadPoolExecutor(1)),
        [watch, work],
        check,
        modules=(module.__name__,),
        preemptions=1,
    )


def _result(task: Future[int], seconds: float = 120) -> Any:
    try:
        return task.result(seconds)
    except Exception as error:
        return error


def _module(form: str) -> Any:
    return importlib.import_module(f"fixtures.global_pool.{form}")


def _explored(form: str, scenario: Any, kind: str = "") -> Form:
    title = scenario.__name__.replace("_", " ")
    return Form("global_pool", form, title, lambda explore: scenario(explore, form), kind)


def _real(form: str, scenario: Any, kind: str = "") -> Form:
    title, name = scenario.__name__.replace("_", " "), f"{__name__}:{scenario.__name__}"
    return Form("global_pool", form, title, lambda _: in_new_process(name, form, seconds=180), kind)


FORMS = (
    _explored("released", one_pool, "two_instances"),
    _explored("repaired", one_pool),
    _explored("released", one_rebuild, "double_init"),
    _explored("repaired", one_rebuild),
    _real("released", a_worker_dies, "lost_update"),
    _real("repaired", a_worker_dies),
    _explored("released", workers_are_killed, "lost_task"),
    _explored("repaired", workers_are_killed),
    _explored("released", a_result_is_cut, "unresolved"),
    _explored("repaired", a_result_is_cut),
    _explored("released", tasks_fail, "lost_task"),
    _explored("repaired", tasks_fail),
    _real("timed_released", crosses_to_a_worker, "not_picklable"),
    _real("timed", crosses_to_a_worker),
    _real("labelling_released", starts_by_spawn, "not_picklable"),
    _real("labelling", starts_by_spawn),
    _explored("threads_released", health_of_the_old_name, "exception"),
    _explored("threads", health_of_the_old_name),
)
