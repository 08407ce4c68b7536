"""Things given out and closed: numbers, money, handles. Whoever tests first is not always who acts first.

The twins test and act in one locked section, or in one atomic step.
"""

from __future__ import annotations

import threading
import time

from tests.quality.corpus.case import twins


class Ids:
    """Numbers that must never be given twice."""

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        self.last += 1
        return self.last


class LockedIds(Ids):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self.last += 1
            return self.last


class Wallet:
    """A balance that is tested before it is charged."""

    def __init__(self) -> None:
        self.balance = 100

    def pay(self, price: int) -> bool:
        if self.balance < price:
            return False
        self.balance -= price
        return True


class LockedWallet(Wallet):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def pay(self, price: int) -> bool:
        with self._lock:
            if self.balance < price:
                return False
            self.balance -= price
            return True


class TokenBucket:
    """A rate limiter: one token, refilled far more slowly than it is asked for."""

    def __init__(self) -> None:
        self.tokens = 1.0
        self.filled_at = time.monotonic()

    def _refill(self) -> None:
        now = time.monotonic()
        self.tokens = min(1.0, self.tokens + (now - self.filled_at) * 1e-6)
        self.filled_at = now

    def allow(self) -> bool:
        self._refill()
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class LockedTokenBucket(TokenBucket):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def allow(self) -> bool:
        with self._lock:
            return super().allow()


class Handle:
    """A connection that one borrower uses at a time."""

    def __init__(self) -> None:
        self.in_use = False


class Pool:
    """Hands out the first handle that nobody uses."""

    def __init__(self) -> None:
        self.handles = [Handle() for _ in range(3)]

    def borrow(self) -> Handle:
        for handle in self.handles:
            if not handle.in_use:
                handle.in_use = True
                return handle
        raise LookupError("all handles are in use")


class LockedPool(Pool):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def borrow(self) -> Handle:
        with self._lock:
            return super().borrow()


class SharedFile:
    """Closed by the last of its users, counted in a plain integer."""

    def __init__(self) -> None:
        self.users = 2
        self.closed: list[str] = []

    def release(self) -> None:
        self.users -= 1
        if self.users == 0:
            self.closed.append("closed")


class LockedSharedFile(SharedFile):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def release(self) -> None:
        with self._lock:
            self.users -= 1
            last = self.users == 0
        if last:
            self.closed.append("closed")


class Wire:
    """Remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        self.sent.append(text)


class Channel:
    """Tests that the wire is there, then uses what is there by then."""

    def __init__(self) -> None:
        self.wire: Wire | None = Wire()

    def send(self, text: str) -> bool:
        if self.wire is None:
            return False
        self.wire.send(text)
        return True

    def close(self) -> None:
        self.wire = None


class LockedChannel(Channel):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def send(self, text: str) -> bool:
        with self._lock:
            if self.wire is None:
                return False
            self.wire.send(text)
            return True

    def close(self) -> None:
        with self._lock:
            self.wire = None


class Sessions:
    """Log-out and expiry delete the same session."""

    def __init__(self) -> None:
        self.users = {"s1": "ada"}

    def end(self, session: str) -> None:
        if session in self.users:
            del self.users[session]


class AtomicSessions(Sessions):
    def end(self, session: str) -> None:
        self.users.pop(session, None)


class Mailroom:
    """Tests whether it is closed outside the lock that guards the letters."""

    def __init__(self) -> None:
        self.closed = False
        self.letters: list[str] = []
        self.sent: list[str] = []
        self._lock = threading.Lock()

    def post(self, letter: str) -> bool:
        if self.closed:
            return False
        with self._lock:
            self.letters.append(letter)
        return True

    def close(self) -> None:
        with self._lock:
            self.closed = True
            self.sent += self.letters
            self.letters = []


class SteadyMailroom(Mailroom):
    def post(self, letter: str) -> bool:
        with self._lock:
            if self.closed:
                return False
            self.letters.append(letter)
            return True


CASES = (
    twins(
        "id_generator",
        "check",
        Ids,
        LockedIds,
        [lambda ids: ids.next()] * 2,
        check=lambda ids, results: len(set(results)) == len(results),
    ),
    twins(
        "overdrawn_wallet",
        "check",
        Wallet,
        LockedWallet,
        [lambda wallet: wallet.pay(80)] * 2,
        check=lambda wallet, results: wallet.balance == 20 and results.count(True) == 1,
    ),
    twins(
        "token_bucket",
        "check",
        TokenBucket,
        LockedTokenBucket,
        [lambda bucket: bucket.allow()] * 2,
        check=lambda bucket, results: results.count(True) == 1,
    ),
    twins(
        "pool_hands_out_twice",
        "check",
        Pool,
        LockedPool,
        [lambda pool: pool.borrow()] * 2,
        check=lambda pool, results: len({id(handle) for handle in results}) == len(results),
    ),
    twins(
        "last_user_closes",
        "check",
        SharedFile,
        LockedSharedFile,
        [lambda file: file.release()] * 2,
        check=lambda file: file.closed == ["closed"],
    ),
    twins(
        "used_after_close",
        "exception",
        Channel,
        LockedChannel,
        [lambda channel: channel.send("hello"), lambda channel: channel.close()],
        check=lambda channel: channel.wire is None,
        says="has no attribute 'send'",
    ),
    twins(
        "deleted_by_both",
        "exception",
        Sessions,
        AtomicSessions,
        [lambda sessions: sessions.end("s1")] * 2,
        check=lambda sessions: sessions.users == {},
        says="KeyError",
    ),
    twins(
        "flag_tested_outside_the_lock",
        "check",
        Mailroom,
        SteadyMailroom,
        [lambda mailroom: mailroom.post("letter"), lambda mailroom: mailroom.close()],
        check=lambda mailroom, results: mailroom.letters == [] and results[0] == (mailroom.sent == ["letter"]),
    ),
)
