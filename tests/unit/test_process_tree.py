"""What a tree of processes uses is told while some of it ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness import procfs
from harness.gate import tree as gate_tree
from harness.pools import tree

BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_a_child_that_is_not_yet_reaped_has_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert procfs.ended(child.pid)
        used = tree.memory([os.getpid(), child.pid])
    assert used.processes == 1
    assert used.pss is not None
    assert procfs.ended(child.pid)
    assert not procfs.ended(os.getpid())


def test_a_child_that_is_reaped_meanwhile_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    before, children = gate_tree.cpu_seconds(), procfs.children
    with subprocess.Popen([sys.executable, "-c", BURN]) as child:

        def reaped(root: int) -> list[int]:
            child.wait()
            return children(root)

        monkeypatch.setattr(procfs, "children", reaped)
        assert gate_tree.cpu_seconds() - before >= 0.29
