"""Threads of the module's own: a lazily made executor and a daemon that drains a queue."""

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
pools_made = 0

_inbox: "queue.Queue[tuple[int, Future[int]]] | None" = None


def pool() -> ThreadPoolExecutor:
    """The one executor of this module."""
    global _pool, pools_made
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="background")
            pools_made += 1
        return _pool


def double(number: int) -> int:
    """Compute in the pool."""
    return pool().submit(lambda: number * 2).result()


def _drain(inbox: "queue.Queue[tuple[int, Future[int]]]") -> None:
    while True:
        number, answer = inbox.get()
        answer.set_result(number + 1)


def ask(number: int) -> int:
    """Have the daemon compute, which is started by the first who asks."""
    global _inbox
    with _lock:
        if _inbox is None:
            _inbox = queue.Queue()
            threading.Thread(target=_drain, args=(_inbox,), daemon=True).start()
        inbox = _inbox
    answer: Future[int] = Future()
    inbox.put((number, answer))
    return answer.result(timeout=60)
