"""The advice names the right pool and limiting factor on workloads made to have them, beside a noisy neighbour."""

from __future__ import annotations

import dataclasses
import subprocess

import pytest

from harness.pools import Comparison, Factor, Plan, PoolFailure, Sureness, advise, compare
from harness.pools.cells import split
from harness.pools.driver import Driver
from harness.pools.intervals import median_interval
from harness.pools.results import Cell, Diagnosis, Latency, Memory, Split, Start, faster, ranked
from harness.report.pools_html import page
from harness.report.pools_text import table
from tests.quality.pool_advice import CONSTRUCTED, KNOWN, PROCESSES, Known, neighbour

TRIES = 3
EACH_KIND = tuple({(one.pools, one.factors): one for one in reversed(KNOWN)}.values())


@pytest.mark.long
@pytest.mark.serial
@pytest.mark.parametrize("one", EACH_KIND, ids=lambda one: one.name)
def test_the_best_pool_is_named_beside_a_noisy_neighbour(one: Known) -> None:
    """Two of three, on one workload for each answer; `python -m tests.quality.pool_advice` measures all rates."""
    told, right = [], 0
    for run in range(TRIES):
        with neighbour(run):
            comparison, advice = one.compare()
        right += one.right(advice)
        told.append(advice.paragraph)
        if run == 0 and right:
            return
    assert right > TRIES / 2, "\n".join(told)


@pytest.mark.long
@pytest.mark.serial
def test_speech_is_recognised_on_every_pool_without_a_word_wrong() -> None:
    """The workload's own check asserts the word error rate of each result where the weights are installed."""
    comparison = compare("whisper", Plan(pools=("threads", "spawn"), scaling=(), rounds=2, starts=1))
    assert any(note.startswith("weights: tiny.en; word error rate") for note in comparison.notes) or any(
        "random Whisper" in note for note in comparison.notes
    )
    assert set(comparison.diagnosis.stages) == {"decode", "VAD", "transcribe()", "list(segments)"}
    assert comparison.diagnosis.gil < 0.1


def cell(pool: str, speed_up: float, workers: int = 2, noise: float = 0.01, start: float = 0.001) -> Cell:
    """Nine rounds in which the pool has this speed-up over items of 10 ms."""
    seconds = tuple(0.01 / (speed_up * (1 + noise * (number - 4))) for number in range(9))
    return Cell(
        pool=pool, workers=1 if pool == "serial" else workers, chunk=1, processes=pool in PROCESSES,
        rounds=tuple(range(9)), seconds=seconds, per_item=median_interval(seconds),
        speed_up=median_interval([0.01 / one for one in seconds]), cpu=median_interval([0.01]), switches=(1.0, 1.0),
        start=Start(median_interval([start] * 6), start, 0.0, 0.01, 1e-4, 1e-4), memory=Memory(10**7, 10**7, 1),
        split=Split(1.0, 0.0, 0.0, None, 0.0),
    )  # fmt: skip


def comparison_of(*cells: Cell, gil: float = 0.0, cpu: float = 1.0, job: int | None = None) -> Comparison:
    facts = Diagnosis(0.01, cpu, gil, gil, gil, 100, 100, 1e-5, "", 0.0, {}, Split(1.0, 0.0, 0.0, 0.0, 0.0))
    return Comparison(
        "made up",
        "made up",
        2,
        2,
        job,
        (),
        (cell("serial", 1.0, noise=0.0), *cells),
        facts,
        {},
        "nowhere",
        1.0,
        10,
        0.0,
    )


@pytest.mark.parametrize("pool", ["serial", "threads", "forkserver"])
def test_threads_that_compute_for_a_worker_are_told_from_the_cost_of_the_pool(pool: str) -> None:
    found = {}
    for name in ("WAITING", "NATIVE_THREAD"):
        with Driver(f"{CONSTRUCTED}:{name}", pool, 2, {}) as host:
            host.wait()
            host.ask("open")
            host.ask("warm")
            found[name] = host.ask("paced", count=20, expected=None)
            host.ask("close")
    waiting, computing = found["WAITING"], found["NATIVE_THREAD"]
    assert waiting["native"] < 0.1 * waiting["inside"]
    assert split([{**waiting, "cpu": waiting["inside"]}]).native == 0  # however dear it is to hand a task to a worker
    assert computing["native"] > computing["inside_cpu"]
    half = {"native": 0.5 * computing["inside"], "inside_cpu": 0.0, "run_queue": 0.0}
    assert split([{**computing, **half}]).native == 0.5


def test_a_tie_goes_to_the_cheaper_pool_and_says_so() -> None:
    made = comparison_of(cell("spawn", 1.95), cell("threads", 1.93))
    advice = advise(made)
    assert (advice.pool, advice.factor, advice.sure) == ("threads", Factor.CORES, Sureness.HIGH)
    assert [[one.pool for one in group] for group in ranked(made)] == [["spawn", "threads"], ["serial"]]


def test_the_gil_sends_python_to_processes_in_words() -> None:
    advice = advise(comparison_of(cell("threads", 1.0), cell("spawn", 1.9, start=0.1), gil=0.94))
    assert advice.pool == "spawn"
    assert "holds the GIL 94% of the time" in advice.paragraph
    assert advice.pays_after == 21  # 99 ms of start-up at 4.74 ms a task


def test_processes_that_beat_threads_on_work_that_holds_the_gil_half_the_time_do_so_for_the_gil() -> None:
    half = comparison_of(cell("threads", 1.2), cell("spawn", 1.9), gil=0.45)
    assert (advise(half).pool, advise(half).factor) == ("spawn", Factor.GIL)
    tie = comparison_of(cell("threads", 1.9), cell("spawn", 1.9), gil=0.45)
    assert (advise(tie).pool, advise(tie).factor) == ("threads", Factor.CORES)
    alone = comparison_of(cell("spawn", 1.9), gil=0.45)
    assert (advise(alone).pool, advise(alone).factor) == ("spawn", Factor.CORES)


def test_start_up_must_pay_off_within_the_job() -> None:
    cells = cell("threads", 1.0), cell("spawn", 1.9, start=0.1)
    assert advise(comparison_of(*cells, gil=0.94, job=10)).pool == "serial"
    assert advise(comparison_of(*cells, gil=0.94, job=10)).factor is Factor.START_UP
    assert advise(comparison_of(*cells, gil=0.94, job=1000)).pool == "spawn"


def test_native_threads_are_named_with_the_remedy() -> None:
    advice = advise(comparison_of(cell("threads", 0.9), cpu=1.8))
    assert advice.factor is Factor.OVERSUBSCRIBED
    assert "set intra_op_num_threads=1" in advice.paragraph


def test_wide_intervals_are_no_difference_and_low_sureness() -> None:
    made = comparison_of(cell("threads", 1.3, noise=0.12))
    assert not faster(made.cells[1], made.serial)
    assert advise(made).sure is Sureness.LOW


def test_few_rounds_are_said() -> None:
    one = cell("threads", 1.9)
    few = dataclasses.replace(one, rounds=one.rounds[:3], seconds=one.seconds[:3])
    assert "only 3 rounds" in advise(comparison_of(few)).paragraph


def test_the_reports_show_what_is_unknown_as_unknown() -> None:
    made = comparison_of(
        dataclasses.replace(cell("threads", 1.9), memory=Memory(None, None, 1), cpu=None, switches=None)
    )
    assert "unknown" in table(made, advise(made))


def test_names_cannot_break_out_of_the_page() -> None:
    latency = Latency(*[median_interval([0.01] * 6)] * 4, samples=(0.01, 0.02))
    cells = [
        dataclasses.replace(one, latency=latency) for one in (cell("serial", 1.0, noise=0.0), cell("threads", 1.9))
    ]
    made = dataclasses.replace(comparison_of(), cells=tuple(cells), workload="</script><b>", notes=("<i>",))
    text = page([(made, advise(made))])
    assert "</script><b>" not in text and "<i>" not in text
    assert text.count("<svg") == 4


def test_a_dead_host_is_told_with_its_exit_code() -> None:
    with Driver("python", "serial", 1, {}, limit=20) as host:
        host.wait()
        host._process.kill()
        with pytest.raises(PoolFailure, match="process died"):
            host.ask("open")


def test_stacks_that_come_late_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter(["", "", "", "(most recent call first):", *["(most recent call first): both"] * 3])
    monkeypatch.setattr(Driver, "_said", lambda host: next(said))
    with Driver("python", "serial", 1, {}) as host:
        host.wait()
        assert host._stacks().endswith("both")


def test_the_start_of_a_host_is_not_held_to_the_limit_of_an_answer() -> None:
    with Driver("python", "serial", 1, {}, limit=1e-6) as host:
        host.wait()


def test_a_host_that_does_not_end_in_time_is_left_with_its_log_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(limit: float) -> int:
        raise subprocess.TimeoutExpired("host", limit)

    host = Driver("python", "serial", 1, {})
    host.wait()
    with monkeypatch.context() as patch:
        patch.setattr(host._process, "wait", wait)
        with pytest.raises(subprocess.TimeoutExpired):
            host.kill()
    assert host._connection.closed and host._log.closed
    host._process.wait()
