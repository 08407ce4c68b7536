"""`harness pools` as a user runs it: a comparison, and each bad input as one clear line with nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
BROKEN = str(ROOT / "tests" / "quality" / "pool_workloads.py")
QUICK = ("--pool", "threads", "--pool", "fork", "--no-scaling", "--rounds", "1")


def harness_pools(*arguments: str, timeout: float = 200, **environment: str) -> subprocess.CompletedProcess[str]:
    script = "import sys; from harness.cli import main; main(sys.argv[1:], prog_name='harness')"
    mark = f"HARNESS_TEST_{os.getpid()}_{time.monotonic_ns()}"
    ended = subprocess.run(
        [sys.executable, "-c", script, "pools", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False,
        env={**os.environ, **environment, mark: "1"},
    )  # fmt: skip
    assert not left_behind(mark), "processes were left behind"
    return ended


def left_behind(mark: str) -> list[int]:
    def alive() -> list[int]:
        found = []
        for process in psutil.process_iter():
            try:
                if mark in process.environ() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found

    end = time.monotonic() + 60
    while alive() and time.monotonic() < end:
        time.sleep(0.1)
    return alive()


def refused(*arguments: str, code: int = 1, **environment: str) -> str:
    ended = harness_pools(*arguments, **environment)
    assert ended.returncode == code, ended.stdout
    assert "Traceback" not in ended.stderr, ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_a_comparison_prints_the_table_and_the_advice_and_writes_page_and_json(tmp_path: Path) -> None:
    page, data = tmp_path / "p.html", tmp_path / "p.json"
    ended = harness_pools("python", *QUICK, "--html", str(page), "--json", str(data))
    assert ended.returncode == 0, ended.stderr
    told = " ".join(ended.stdout.split())  # where lines are broken depends on the figures
    for words in ("speed-up", "GIL held", "Limited by", "Sureness low: only 1 rounds"):
        assert words in told
    (one,) = json.loads(data.read_text())
    assert {cell["pool"] for cell in one["comparison"]["cells"]} == {"serial", "threads", "fork"}
    assert one["comparison"]["diagnosis"]["gil"] > 0.5
    text = page.read_text()
    assert text.count("<svg") == 4
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_users_own_executor_is_one_option() -> None:
    ended = harness_pools("python", "--pool", "loky=loky:ProcessPoolExecutor", "--no-scaling", "--rounds", "1")
    assert ended.returncode == 0, ended.stderr
    assert "loky x2" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing",), "no workload 'nothing'"),
        (("no.such.module:X",), "; run this in the folder that holds it, with what it imports installed"),
        ((f"{BROKEN}:MISSING",), "does not exist"),
        ((f"{BROKEN}:EMPTY",), "has no items"),
        (("onnx?colour=red",), "has no option colour"),
        (("onnx?model=/nowhere/model.onnx",), "no model file"),
        (("whisper?model=/nowhere",), "no Whisper model in"),
        (("whisper?audio=/nowhere.wav",), "no recording"),
        (("python", "--pool", "carousel"), "no pool 'carousel'"),
        (("python", "--pool", "x=no.such:y"), "cannot be imported"),
        (("python", "--workers", "0"), "workers = 0"),
        (("python", "--html", "/nowhere/p.html"), "no folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_at_the_door(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(*arguments, code=2)


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [
        ("onnxruntime", ("onnx",), "ml"),
        ("numpy", ("magika",), "ml"),
        ("faster_whisper", ("whisper",), "asr"),
        ("ctranslate2", ("whisper",), "asr"),  # what faster_whisper needs
        ("jinja2", ("python", "--html", "page.html"), "html"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra_before_anything_is_measured(
    package: str, arguments: tuple[str, ...], extra: str, tmp_path: Path
) -> None:
    (tmp_path / f"{package}.py").write_text(
        f"raise ModuleNotFoundError(\"No module named '{package}'\", name='{package}')"
    )
    words = refused(*arguments, code=2, PYTHONPATH=str(tmp_path))
    assert package in words
    assert f"pip install 'concurrency-harness[{extra}]'" in words


def test_a_corrupted_model_is_one_line(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"not a model")
    assert "onnxruntime cannot load" in refused(f"onnx?model={model}", code=2)


def test_a_corrupted_whisper_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"not a model")
    assert "faster-whisper cannot load" in refused(f"whisper?model={tmp_path}", code=2)


def test_a_file_that_is_not_audio_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "clip.wav").write_text("not audio")
    assert "clip.wav is not audio" in refused(f"whisper-random?audio={tmp_path / 'clip.wav'}", code=2)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DIFFERS", "differs from the serial result"),
        ("OTHER_ITEM", "it is the result of item 1"),
        ("KILLS_ITSELF", "a worker of the pool fork died"),
        ("RAISES", "_NeedsTwo: 0: no such order"),
        ("WRONG", "wrong result: not a sum"),
    ],
)
def test_a_broken_workload_fails_with_its_cause(name: str, words: str) -> None:
    assert words in refused(f"{BROKEN}:{name}", *QUICK)


def test_a_hang_ends_with_the_stacks_of_who_waits() -> None:
    ended = harness_pools(f"{BROKEN}:HANGS", *QUICK, "--limit", "3")
    assert ended.returncode != 0
    assert "no answer to 'warm' within 3 s" in ended.stderr
    assert "most recent call first" in ended.stderr


def test_the_end_of_the_command_ends_everything_it_started() -> None:
    mark = f"HARNESS_TEST_{os.getpid()}_{time.monotonic_ns()}"
    script = "from harness.cli import main; main(['pools', 'python', '--rounds', '200'])"
    with tempfile.TemporaryFile() as output:
        command = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=output, stderr=output,
                                   env={**os.environ, mark: "1"})  # fmt: skip
        end = time.monotonic() + 30
        while len(psutil.Process(command.pid).children(recursive=True)) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        command.terminate()
        assert command.wait(60) != 0
    assert not left_behind(mark)
