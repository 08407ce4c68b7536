"""Running code to yield points: `sys.monitoring` on 3.12 and later, opcode tracing on 3.11. Knows no scheduling."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Protocol

from harness.instrument.accesses import analyse
from harness.instrument.scope import Scope
from harness.model import CannotExplore

OnAccess = Callable[[Any, FrameType], None]
"""Called with the site and the frame, in the thread that is about to make the access."""


class Events(Protocol):
    """Delivers the shared accesses of the code that a scope covers."""

    def start(self) -> None:
        """Begin to deliver events."""

    def stop(self) -> None:
        """Stop, and leave no trace behind."""

    def around(self, job: Callable[[], None]) -> None:
        """Run ``job`` in a controlled thread with what that thread needs."""


def tables_for(scope: Scope, code: CodeType) -> dict[int, Any]:
    """The sites of ``code``, analysed once an exploration."""
    table = scope.tables.get(id(code))
    if table is None:
        table = scope.tables[id(code)] = dict(analyse(code))
        scope.classify(code)
    return table


class MonitoringEvents:
    """Local INSTRUCTION events of `sys.monitoring`, switched on code by code as it is first entered."""

    def __init__(self, scope: Scope, on_access: OnAccess) -> None:
        self._scope = scope
        self._on_access = on_access
        self._tool: int | None = None
        self._codes: list[CodeType] = []
        self._instructions = self._make_callback()

    def start(self) -> None:
        monitoring = sys.monitoring
        events = monitoring.events
        refuse_rivals()
        for candidate in (3, 4, 2, 5, 1, 0):
            if monitoring.get_tool(candidate) is None:
                monitoring.use_tool_id(candidate, "harness")
                self._tool = candidate
                break
        else:
            raise CannotExplore("all six tool slots of sys.monitoring are taken: switch a profiler or debugger off")
        monitoring.register_callback(self._tool, events.INSTRUCTION, self._instructions)
        monitoring.register_callback(self._tool, events.PY_START, self._entered)
        monitoring.set_events(self._tool, events.PY_START)
        monitoring.restart_events()

    def stop(self) -> None:
        if self._tool is None:
            return
        monitoring, tool = sys.monitoring, self._tool
        monitoring.set_events(tool, 0)
        for code in self._codes:
            monitoring.set_local_events(tool, code, 0)
        monitoring.register_callback(tool, monitoring.events.INSTRUCTION, None)
        monitoring.register_callback(tool, monitoring.events.PY_START, None)
        monitoring.free_tool_id(tool)
        self._tool = None
        self._codes.clear()

    def around(self, job: Callable[[], None]) -> None:
        job()

    def _entered(self, code: CodeType, offset: int) -> Any:
        if self._scope.covers(code):
            self.instrument(code)
        return sys.monitoring.DISABLE

    def instrument(self, code: CodeType) -> None:
        """Deliver the accesses of ``code`` from now on."""
        if self._tool is not None and tables_for(self._scope, code):
            sys.monitoring.set_local_events(self._tool, code, sys.monitoring.events.INSTRUCTION)
            self._codes.append(code)

    def _make_callback(self) -> Callable[[CodeType, int], Any]:
        tables, on_access = self._scope.tables, self._on_access
        disable, frame_of = sys.monitoring.DISABLE, sys._getframe

        def instruction(code: CodeType, offset: int) -> Any:
            site = tables[id(code)].get(offset)
            if site is None:
                return disable
            on_access(site, frame_of(1))
            return None

        return instruction


def refuse_rivals() -> None:
    """Before 3.14 a second tool with LINE or INSTRUCTION events makes ours vanish: refuse to work beside one."""
    if sys.version_info >= (3, 14):
        return
    monitoring = sys.monitoring
    rivals = monitoring.events.LINE | monitoring.events.INSTRUCTION
    for tool in range(6):
        name = monitoring.get_tool(tool)
        if name is None:
            continue
        # Events set for single code objects cannot be asked for; coverage is known to set them.
        coverage = name.startswith("coverage")
        if coverage or monitoring.get_events(tool) & rivals:
            remedy = "set COVERAGE_CORE=ctrace" if coverage else f"switch {name} off"
            raise CannotExplore(f"{name!r} uses sys.monitoring, which silences our events before 3.14: {remedy}")


class TracingEvents:
    """Opcode events of `sys.settrace`, set in the controlled threads only (3.11)."""

    def __init__(self, scope: Scope, on_access: OnAccess) -> None:
        self._scope = scope
        self._trace_call = self._make_tracers(on_access)

    def start(self) -> None:
        """Nothing to do before a thread runs."""

    def stop(self) -> None:
        """Nothing to undo: each thread clears its own trace function."""

    def instrument(self, code: CodeType) -> None:
        """Nothing to do: a traced thread sees every code it enters."""

    def around(self, job: Callable[[], None]) -> None:
        before = sys.gettrace()
        sys.settrace(self._trace_call)
        try:
            job()
        finally:
            sys.settrace(before)

    def _make_tracers(self, on_access: OnAccess) -> Callable[..., Any]:
        scope = self._scope

        def trace_call(frame: FrameType, event: str, arg: object) -> Any:
            code = frame.f_code
            if event != "call" or not scope.covers(code):
                return None
            sites = tables_for(scope, code)
            if not sites:
                return None
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False

            def trace_opcode(frame: FrameType, event: str, arg: object) -> None:
                # It returns None, which keeps what the frame has: itself, or what another thread put there meanwhile.
                if event == "opcode":
                    site = sites.get(frame.f_lasti)
                    if site is not None:
                        on_access(site, frame)

            return trace_opcode

        return trace_call


def make_events(scope: Scope, on_access: OnAccess) -> MonitoringEvents | TracingEvents:
    """The backend of this interpreter."""
    if sys.version_info >= (3, 12):
        return MonitoringEvents(scope, on_access)
    return TracingEvents(scope, on_access)
