"""The ledger, written by several real processes at once, one of which is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from harness.faults.ledger import Ledger, birth

WRITES = """
import sys
from harness.faults.ledger import Ledger
ledger = Ledger(sys.argv[1])
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    ledger.write("taken", f"t{number}", ledger.ticket(), "x" * 300)
"""


def _writer(folder: Path, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITES, str(folder), str(count)], stdout=subprocess.PIPE)


def test_records_of_several_processes_are_whole_and_each_has_its_number(tmp_path: Path) -> None:
    writers = [_writer(tmp_path, 200) for _ in range(3)]
    for writer in writers:
        writer.communicate(timeout=60)
    records = Ledger(str(tmp_path)).read()
    assert sorted(record.number for record in records) == list(range(1, 601))
    assert {record.pid for record in records} == {writer.pid for writer in writers}
    assert all(record.text == "x" * 300 for record in records)


def test_what_a_killed_process_wrote_is_there(tmp_path: Path) -> None:
    writer = _writer(tmp_path, 10**6)
    assert writer.stdout is not None
    writer.stdout.readline()
    ledger = Ledger(str(tmp_path))
    while len(ledger.read()) < 20:
        pass
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=60)
    numbers = [record.number for record in ledger.read()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_half_a_line_is_left_out(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    ledger.write("taken", "t1")
    with (tmp_path / "ledger").open("a") as file:
        file.write('{"event": "ta')
    assert [record.task for record in ledger.read()] == ["t1"]


def test_a_process_is_known_by_its_start() -> None:
    assert birth(os.getpid()) > 0
    assert birth(2**22 + 1) == 0


def test_a_mark_is_seen_by_others(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path))
    assert not ledger.marked("go")
    Ledger(str(tmp_path)).mark("go")
    assert ledger.marked("go")
    ledger.await_mark("go")
    ledger.await_mark("never", seconds=0.01)
