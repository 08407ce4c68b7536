"""What the scenarios of the pool give its workers: importable, and without the harness."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def square(number: int) -> int:
    return number * number


def square_or_die_once(number: int, marker: str) -> int:
    """Whoever comes first dies by the signal of the out-of-memory killer; nobody after that."""
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return square(number)
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
    raise AssertionError("a killed process went on")
