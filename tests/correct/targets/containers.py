"""Module-level containers that are used through operations that are atomic in CPython."""

import itertools
from collections import OrderedDict, defaultdict, deque

tasks: deque[int] = deque([1, 2, 3])
done: list[int] = []
claims: dict[str, str] = {}
members: set[str] = {"first"}
nested: dict[str, dict[str, list[int]]] = {"outer": {"inner": []}}
groups: defaultdict[str, list[int]] = defaultdict(list)
order: OrderedDict[str, int] = OrderedDict(start=0)
numbers = itertools.count()


def work() -> int:
    """Take tasks until there is none; return how many were taken."""
    taken = 0
    while True:
        try:
            task = tasks.popleft()
        except IndexError:
            return taken
        done.append(task)
        taken += 1


def claim(name: str, owner: str) -> bool:
    """Whether `owner` is the one who got `name`."""
    return claims.setdefault(name, owner) == owner


def join(name: str) -> None:
    """Become a member."""
    members.add(name)


def note(number: int) -> None:
    """Append to a list deep inside a module global."""
    nested["outer"]["inner"].append(number)


def next_number() -> int:
    """The next number; no two callers get the same."""
    return next(numbers)
