"""The table of the reference modules: the page shows what the command prints, and a misbehaving form fails it."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from harness import Violation
from scenarios.reference import Form, Outcome, forms, table
from scenarios.reference.__main__ import main
from scenarios.reference.child import in_new_process

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "how-to" / "reference-modules.md"


def shown() -> str:
    return "\n".join(line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|"))


def test_the_page_shows_every_form_and_what_it_must_get() -> None:
    assert shown() == table([(form, Outcome(form.expected, form.kind, "")) for form in forms()])


@pytest.mark.long
def test_the_command_prints_the_table_of_the_page() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "scenarios.reference"], cwd=ROOT, capture_output=True, text=True, timeout=1400
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.strip() == shown()


def passes(_: object) -> str:
    return "measured"


def says_nothing(_: object) -> str:
    return ""


def loses(_: object) -> str:
    raise Violation("lost_update", "2 of 3 arrived")


def breaks(_: object) -> str:
    raise OSError("no such file")


@pytest.mark.parametrize(
    ("run", "kind", "got"),
    [
        (passes, "lost_update", "must be FAIL lost_update, got PASS : measured"),
        (loses, "", "must be PASS, got FAIL lost_update: 2 of 3 arrived"),
        (loses, "torn_read", "must be FAIL torn_read, got FAIL lost_update: 2 of 3 arrived"),
        (says_nothing, "", "must be PASS, got INCONCLUSIVE : the scenario did not say what it has measured"),
        (breaks, "", "must be PASS, got ERROR : OSError: no such file"),
    ],
)
def test_a_form_that_misbehaves_is_named(run: object, kind: str, got: str, capsys: pytest.CaptureFixture[str]) -> None:
    listed = [Form("module", "form", "fine", passes), Form("module", "form", "script", run, kind)]
    assert main(listed) == 1
    said = capsys.readouterr()
    assert said.err == f"module form, script: {got}\n"
    assert len(said.out.splitlines()) == 4


def test_no_form_at_all_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert "no reference form was found" in capsys.readouterr().err


def test_a_registry_without_forms_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "other_scenarios"
    (folder / "module").mkdir(parents=True)
    (folder / "module" / "registry.py").write_text("FORMS = ()\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LookupError, match="registry.py lists no form"):
        forms(folder)


def finds(what: str) -> str:
    raise Violation("torn_read", what)


def hangs() -> str:
    subprocess.Popen(["sleep", "600"])
    time.sleep(600)
    return ""


def leaves(path: str) -> str:
    Path(path).write_text(str(subprocess.Popen(["sleep", "600"]).pid), "utf-8")
    return "left a process"


def dies() -> str:
    os._exit(7)


def test_a_finding_crosses_the_process() -> None:
    with pytest.raises(Violation, match="half a page") as caught:
        in_new_process(f"{__name__}:finds", "half a page", path=(str(Path(__file__).parent),))
    assert caught.value.kind == "torn_read"


def test_a_scenario_that_hangs_ends_and_says_where() -> None:
    with pytest.raises(RuntimeError, match=r"no answer within 1 s(.|\n)*in hangs"):
        in_new_process(f"{__name__}:hangs", seconds=1, path=(str(Path(__file__).parent),))


def test_an_import_does_not_take_the_time_of_the_scenario(tmp_path: Path) -> None:
    tmp_path.joinpath("slowly_imported.py").write_text(
        "import time\ntime.sleep(1.2)\ndef hangs():\n    time.sleep(600)\n", "utf-8"
    )
    with pytest.raises(RuntimeError, match=r"no answer within 1 s(.|\n)*in hangs"):
        in_new_process("slowly_imported:hangs", seconds=1, path=(str(tmp_path),))


def does_not_end() -> str:
    threading.Thread(target=time.sleep, args=(600,)).start()
    # the watchdog's time is up when the interpreter ends, just before it waits for the thread
    threading._register_atexit(faulthandler.dump_traceback_later, 0.2, exit=True)
    return "measured, then hung"


def test_a_pass_whose_process_does_not_end_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"answered, but then did not end: exit code 1(.|\n)*in _shutdown"):
        in_new_process(f"{__name__}:does_not_end", path=(str(Path(__file__).parent),))


def test_a_scenario_that_dies_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="exit code 7"):
        in_new_process(f"{__name__}:dies", path=(str(Path(__file__).parent),))


def test_no_process_is_left(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    assert in_new_process(f"{__name__}:leaves", str(noted), path=(str(Path(__file__).parent),)) == "left a process"
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(int(noted.read_text("utf-8"))).status() == psutil.STATUS_ZOMBIE
