"""A counter in a module global behind a module-level lock."""

import threading

_lock = threading.Lock()
total = 0
history: list[int] = []
by_kind: dict[str, int] = {"even": 0, "odd": 0}
seen: set[int] = set()


def add(amount: int) -> int:
    """Add to the total and return the new one."""
    global total
    with _lock:
        total += amount
        history.append(total)
        by_kind["odd" if total % 2 else "even"] += 1
        seen.add(total)
        return total
