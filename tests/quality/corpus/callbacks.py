"""The bug is in code that a library calls back: a plugin hook, a command, a coroutine in a loop of the thread's own.

The twins take a lock in it.
"""

from __future__ import annotations

import asyncio
import threading

import click
import pluggy

from tests.quality.corpus.case import twins

specification = pluggy.HookspecMarker("shop")
implementation = pluggy.HookimplMarker("shop")


class Specification:
    @specification
    def sold(self, pieces: int) -> None: ...


class Stock:
    def __init__(self) -> None:
        self.sold_pieces = 0
        self.hooks = pluggy.PluginManager("shop")
        self.hooks.add_hookspecs(Specification)
        self.hooks.register(self)

    @implementation
    def sold(self, pieces: int) -> None:
        self.sold_pieces += pieces

    def sell(self) -> None:
        self.hooks.hook.sold(pieces=1)


class LockedStock(Stock):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    @implementation
    def sold(self, pieces: int) -> None:
        with self._lock:
            self.sold_pieces += pieces


class Console:
    """A command line whose commands a service calls from its threads."""

    def __init__(self) -> None:
        self.runs = 0

    def count(self) -> None:
        self.runs += 1

    def run(self) -> None:
        click.command("count")(self.count).main([], standalone_mode=False)


class LockedConsole(Console):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def count(self) -> None:
        with self._lock:
            self.runs += 1


class Clients:
    """Each thread runs an event loop of its own; the number of requests is for all of them."""

    def __init__(self) -> None:
        self.requests = 0

    async def request(self) -> None:
        self.requests += 1

    def call(self) -> None:
        asyncio.run(self.request())


class LockedClients(Clients):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    async def request(self) -> None:
        with self._lock:
            self.requests += 1


CASES = (
    twins(
        "plugin_hook",
        "check",
        Stock,
        LockedStock,
        [lambda stock: stock.sell()] * 2,
        check=lambda stock: stock.sold_pieces == 2,
    ),
    twins(
        "command_callback",
        "check",
        Console,
        LockedConsole,
        [lambda console: console.run()] * 2,
        check=lambda console: console.runs == 2,
    ),
    twins(
        "loop_in_each_thread",
        "check",
        Clients,
        LockedClients,
        [lambda clients: clients.call()] * 2,
        check=lambda clients: clients.requests == 2,
    ),
)
