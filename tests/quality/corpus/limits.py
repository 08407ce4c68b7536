"""A module of plain variables, as settings modules are; others count in it."""

from __future__ import annotations

import threading

calls_made = 0
lock = threading.Lock()
