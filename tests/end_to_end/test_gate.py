"""`harness gate` in a new process on real git repositories that the test makes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.gate import processes, run
from harness.gate.scenarios import Ran
from harness.gate.sides import Tree
from tests.end_to_end.gate_repository import BENCH, ROOT, WORK, Repository

pytestmark = pytest.mark.once

LOCKED = ROOT / "fixtures" / "inference_manager"
THROUGHPUT = ("--only", "throughput", "--seed", "1")
PATIENT = ("--seconds", "250")
"""For what must be decided beside heavy load too; a decision ends the pairs at once."""


def table(text: str) -> list[str]:
    """The rows of the summary's table."""
    return [line for line in text.splitlines() if line.startswith("│")]


def test_a_dirty_tree_is_refused(repository: Repository) -> None:
    repository.write("work.py", "x = 1\n")
    code, text = repository.gate()
    assert code == 2
    assert "the tree is dirty: 1 changed" in text and "work.py" in text


def test_a_shallow_clone_is_told_to_fetch(repository: Repository, tmp_path: Path) -> None:
    repository.write("README", "text\n")
    repository.commit("document")
    repository.git("clone", "-q", "--depth=1", f"file://{repository.folder}", str(tmp_path / "shallow"))
    repository.folder = tmp_path / "shallow"
    code, text = repository.gate()
    assert code == 2
    assert "shallow" in text and "fetch-depth: 0" in text


def test_an_unknown_base_is_refused(repository: Repository) -> None:
    code, text = repository.gate("--base", "nowhere")
    assert code == 2
    assert "--base nowhere: no such commit" in text


def test_outside_a_repository(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from harness.cli import main; main()", "gate"], cwd=tmp_path, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "not in a git repository" in done.stderr


def test_a_benchmark_that_raises_on_head_is_a_crash(repository: Repository) -> None:
    repository.write("work.py", "import not_a_module\n")
    repository.commit("break")
    code, text = repository.gate(*THROUGHPUT)
    assert code == 2, text
    assert "head's benchmarks/bench_work.py cannot be imported" in text and "install not_a_module" in text
    repository.write("work.py", "def task():\n    raise OSError('disk')\n")
    repository.commit("break otherwise")
    code, text = repository.gate(*THROUGHPUT, "--base", "HEAD~2")
    assert code == 2, text
    assert "CRASHED" in text and "head cannot run benchmarks/bench_work.py::one_task: OSError: disk" in text
    assert "::error file=benchmarks/bench_work.py,line=5,title=CRASHED" in text


def test_a_benchmark_that_raises_on_base_is_new(repository: Repository) -> None:
    repository.write("work.py", "def task():\n    raise OSError('disk')\n")
    repository.commit("break")
    repository.write("work.py", WORK.format(result="total"))
    repository.commit("repair")
    code, text = repository.gate(*THROUGHPUT)
    assert code == 4, text
    assert "NEW" in text and "OSError: disk" in text


def test_without_benchmarks_nothing_is_measured(repository: Repository) -> None:
    repository.git("rm", "-q", "-r", "benchmarks")
    repository.commit("remove")
    code, text = repository.gate("--only", "throughput")
    assert code == 4, text
    assert "REMOVED" in text and "nothing was observed of throughput" in text


def test_a_package_from_elsewhere_is_not_measured(repository: Repository) -> None:
    """Both sides would import one and the same copy, and any change would pass."""
    repository.write("lib/worker.py", WORK.format(result="total"))
    repository.write("benchmarks/bench_work.py", f"import sys\nsys.path.append({str(repository.folder / 'lib')!r})\n"
                     + BENCH.replace("from work", "from worker"))  # fmt: skip
    repository.commit("move")
    repository.write("lib/worker.py", WORK.format(result="total").replace("2000", "4000"))
    repository.commit("slow down")
    code, text = repository.gate(*THROUGHPUT)
    assert code == 2, text
    assert "imported worker from elsewhere" in text and "set paths" in text


def test_a_base_that_does_not_import(repository: Repository) -> None:
    repository.write("work.py", "def task(:\n")
    repository.commit("break")
    repository.write("work.py", WORK.format(result="total"))
    repository.commit("repair")
    code, text = repository.gate(*THROUGHPUT)
    assert code == 2
    assert "base does not import" in text and "--base REV" in text


def test_only_a_new_benchmark_is_nothing_measured(repository: Repository) -> None:
    repository.write("work.py", WORK.format(result="total") + "\n\ndef other():\n    return 1\n")
    repository.write("benchmarks/bench_work.py", BENCH.replace("task", "other"))
    repository.commit("add")
    code, text = repository.gate(*THROUGHPUT)
    assert code == 4
    assert "NEW" in text and "nothing was observed of throughput" in text


def test_different_results_are_not_compared(repository: Repository) -> None:
    repository.write("work.py", WORK.format(result="total + 1"))
    repository.commit("change")
    code, text = repository.gate(*THROUGHPUT)
    assert code == 1
    assert "DIFFERENT" in text and "::error file=benchmarks/bench_work.py,line=5" in text


def is_python(process: psutil.Process) -> bool:
    """Of a process that may have ended since it was listed, such as one of git's."""
    try:
        return "python" in process.name()
    except psutil.NoSuchProcess:
        return False


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_nothing_behind(repository: Repository, number: signal.Signals) -> None:
    repository.write("README", "text\n")
    repository.commit("document")
    with repository.started(*THROUGHPUT) as process:
        gate = psutil.Process(process.pid)
        deadline = time.monotonic() + 60
        while len(sides := list(filter(is_python, gate.children(recursive=True)))) < 2:
            assert process.poll() is None and time.monotonic() < deadline, "the gate never started two sides"
            time.sleep(0.01)
        process.send_signal(number)
        text, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "interrupted" in text
    assert not list(filter(runs, sides))
    repository.check_clean()


def test_no_side_runs_when_the_worktrees_are_removed(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that an interruption hit between its start and its `with`: it could write into what is being removed."""
    started: list[subprocess.Popen[bytes]] = []
    running: list[bool] = []
    remove = shutil.rmtree

    def interrupted(tree: Tree, *_: object) -> Ran:
        started.append(processes.start(["sleep", "600"], cwd=tree.root))
        raise KeyboardInterrupt

    def noted(*arguments: object, **options: object) -> None:
        running.extend(process.poll() is None for process in started)
        remove(*arguments, **options)  # type: ignore[arg-type]

    repository.write("README", "text\n")
    repository.commit("document")
    monkeypatch.setattr(run, "run_scenarios", interrupted)
    monkeypatch.setattr(shutil, "rmtree", noted)
    with pytest.raises(KeyboardInterrupt):
        run.gate(repository.folder, run.Options(parts=("scenarios",)), print)
    assert running == [False]
    monkeypatch.undo()
    assert repository.git("worktree", "list").count("\n") == 1


def test_a_documentation_commit_passes_and_can_be_recomputed(repository: Repository, tmp_path: Path) -> None:
    repository.write("README", "text\n")
    repository.commit("document")
    record = tmp_path / "gate.jsonl"
    code, text = repository.gate(*THROUGHPUT, "--seconds", "15", "--json", str(record))
    assert code == 0, text  # beside heavy load the wall clock may leave it undecided, which is no failure
    assert "::error" not in text
    again, said = repository.gate("--recompute", str(record))
    assert (again, table(said)) == (0, table(text))


@pytest.mark.long
def test_a_slower_transcription_worker_fails(repository: Repository) -> None:
    for path in [ROOT / "fixtures" / "__init__.py", *(ROOT / "fixtures" / "asr_worker").glob("*.py"),
                 ROOT / "benchmarks" / "gate" / "bench_transcription.py"]:  # fmt: skip
        repository.write(str(path.relative_to(ROOT)), path.read_text("utf-8"))
    repository.git("rm", "-q", "benchmarks/bench_work.py")
    repository.commit("transcribe")
    engine = (repository.folder / "fixtures" / "asr_worker" / "engine.py").read_text("utf-8")
    call = "        segments, info = self._model.transcribe("
    assert engine.count(call) == 1
    twice = "        list(self._model.transcribe(samples, language='en', beam_size=1, temperature=0.0)[0])\n"
    repository.write("fixtures/asr_worker/engine.py", engine.replace(call, twice + call))
    repository.commit("listen twice")
    code, text = repository.gate(*THROUGHPUT, *PATIENT, limit=700)
    assert code == 1, text
    assert "REGRESSION" in text and "::error file=benchmarks/gate/bench_transcription.py,line=32" in text


@pytest.mark.long
def test_a_slower_worker_fails(repository: Repository) -> None:
    repository.write("work.py", WORK.format(result="total // 2").replace("range(steps)", "range(2 * steps)"))
    repository.commit("slow down")
    code, text = repository.gate(*THROUGHPUT, *PATIENT, limit=700)
    assert code == 1, text
    assert "REGRESSION" in text and "more CPU" in text
    assert "::error file=benchmarks/bench_work.py,line=5" in text


def test_a_lost_update_fails_on_its_line(repository: Repository, tmp_path: Path) -> None:
    repository.add_counter()
    code, text = repository.gate("--only", "scenarios")
    assert code == 0, text
    repository.add_counter(locked=False)
    junit, summary = tmp_path / "junit.xml", tmp_path / "summary.md"
    code, text = repository.gate("--only", "scenarios", "--junit", str(junit), summary=summary)
    assert code == 1, text
    assert "::error file=counter.py,line=10,title=check::" in text, text
    assert 'failures="1"' in junit.read_text("utf-8")
    assert "`counter.py:10` **check**" in summary.read_text("utf-8")


def test_a_scenario_without_an_answer_is_neither_a_bug_nor_a_pass(repository: Repository) -> None:
    repository.add_counter()
    text = (repository.folder / "tests" / "test_counter.py").read_text("utf-8")
    repository.write("tests/test_counter.py", text.replace("len(results))", "len(results), seconds=1e-6)"))
    repository.commit("hurry")
    code, text = repository.gate("--only", "scenarios")
    assert code == 2, text
    assert "title=inconclusive" in text and "1 scenario is INCONCLUSIVE, which is neither a bug nor a pass" in text


@pytest.mark.long
def test_deleting_the_stats_lock_fails_on_that_line(repository: Repository) -> None:
    for path in [ROOT / "fixtures" / "__init__.py", *LOCKED.glob("*.py")]:
        repository.write(str(path.relative_to(ROOT)), path.read_text("utf-8"))
    scenario = (ROOT / "scenarios" / "test_inference_manager.py").read_text("utf-8")
    repository.write("scenarios/test_inference_manager.py", scenario)
    repository.write("pyproject.toml", '[tool.harness.gate]\nscenarios = ["scenarios"]\n')
    repository.commit("serve")
    path = "fixtures/inference_manager/locked.py"
    guarded = "        with self._stats_lock:\n            self._stats[event] += 1\n"
    text = (repository.folder / path).read_text("utf-8")
    assert text.count(guarded) == 1
    changed = text.replace(guarded, "        self._stats[event] += 1\n")
    repository.write(path, changed)
    repository.commit("drop the lock")
    line = 1 + changed.splitlines().index("        self._stats[event] += 1")
    code, said = repository.gate("--only", "scenarios")
    assert code == 1, said
    assert f"::error file={path},line={line},title=" in said, [row for row in said.splitlines() if "::error" in row]
    assert "title=lost_update" in said
