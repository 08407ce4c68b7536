"""Compare-and-swap on a free list: the head may be the same node again over another list (ABA).

The twin's head is a fresh object after each change.
"""

from __future__ import annotations

import threading

from tests.quality.corpus.case import Case, Variant


class Node:
    """A buffer in a free list."""

    def __init__(self, name: str, following: Node | None) -> None:
        self.name = name
        self.following = following


def three_nodes() -> Node:
    return Node("a", Node("b", Node("c", None)))


class FreeList:
    """A stack with compare-and-swap: the head may be the same node again over another list (ABA)."""

    def __init__(self) -> None:
        self._head: Node | None = three_nodes()
        self._lock = threading.Lock()

    def _compare_and_swap(self, seen: Node | None, new: Node | None) -> bool:
        with self._lock:
            if self._head is not seen:
                return False
            self._head = new
            return True

    def pop(self) -> Node:
        while True:
            head = self._head
            assert head is not None
            if self._compare_and_swap(head, head.following):
                return head

    def push(self, node: Node) -> None:
        while True:
            node.following = self._head
            if self._compare_and_swap(node.following, node):
                return

    def names(self) -> list[str]:
        return chain(self._head)


class TaggedFreeList:
    """The head is a fresh tuple after each change, so it is the same object only if nothing happened."""

    def __init__(self) -> None:
        self._head: tuple[Node | None] = (three_nodes(),)
        self._lock = threading.Lock()

    def _compare_and_swap(self, seen: tuple[Node | None], new: Node | None) -> bool:
        with self._lock:
            if self._head is not seen:
                return False
            self._head = (new,)
            return True

    def pop(self) -> Node:
        while True:
            seen = self._head
            head = seen[0]
            assert head is not None
            if self._compare_and_swap(seen, head.following):
                return head

    def push(self, node: Node) -> None:
        while True:
            seen = self._head
            node.following = seen[0]
            if self._compare_and_swap(seen, node):
                return

    def names(self) -> list[str]:
        return chain(self._head[0])


def chain(node: Node | None) -> list[str]:
    names: list[str] = []
    while node is not None:
        names.append(node.name)
        node = node.following
    return names


def borrow_one(free: FreeList | TaggedFreeList) -> list[str]:
    return [free.pop().name]


def borrow_two_return_one(free: FreeList | TaggedFreeList) -> list[str]:
    first = free.pop()
    second = free.pop()
    free.push(first)
    return [second.name]


def each_node_once(free: FreeList | TaggedFreeList, results: list[list[str]]) -> None:
    everywhere = [*free.names(), *(name for held in results for name in held)]
    assert sorted(everywhere) == ["a", "b", "c"], f"nodes free or held: {sorted(everywhere)}"


CASES = (
    Case(
        "compare_and_swap_aba",
        Variant(FreeList, [borrow_one, borrow_two_return_one], each_node_once),
        Variant(TaggedFreeList, [borrow_one, borrow_two_return_one], each_node_once),
        "check",
    ),
)
