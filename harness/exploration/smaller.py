"""The same script with fewer of its threads: what can be proved where all threads are too many."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

Members = tuple[int, ...]
PROOF_SIZES = (2, 3)


def smaller_scripts(classes: tuple[int, ...], most: int = 10) -> Iterator[Members]:
    """Scripts of two and three threads with every mixture of kinds, as far as the script has them; at most ``most``."""
    members: dict[int, list[int]] = {}
    for index, kind in enumerate(classes):
        members.setdefault(kind, []).append(index)
    found: list[Members] = []
    for size in PROOF_SIZES:
        for kinds in itertools.combinations_with_replacement(members, size):
            counts = Counter(kinds)
            if all(len(members[kind]) >= count for kind, count in counts.items()):
                found.append(tuple(sorted(i for kind, count in counts.items() for i in members[kind][:count])))
    yield from found[:most]
