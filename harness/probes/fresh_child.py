"""What happens in the process that loads: prepare as a spawned worker does, load, look, compare, answer in JSON.

Started by file (``python fresh_child.py FD``) so that nothing of the harness is imported into the worker. For spawn
that process is the worker; for forkserver it starts a real fork server of its own, whose child is the worker; for
fork :func:`perform` is called in a forked copy instead. It imports the standard library and ``state.py`` only.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import os
import pickle
import sys
import threading
import time
import types
from collections.abc import Callable
from typing import Any

Result = dict[str, Any]
FORKED = "_harness_probe_forked"

_MOST = 100  # an answer has to fit the pipe
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT
_EVENTS = {
    "os.remove": "removes", "os.rename": "renames", "os.mkdir": "makes the directory", "os.rmdir": "removes",
    "shutil.rmtree": "removes", "shutil.copyfile": "copies", "shutil.move": "moves", "subprocess.Popen": "runs",
    "os.system": "runs", "os.exec": "runs", "os.fork": "forks", "os.posix_spawn": "runs",
    "socket.connect": "connects to", "socket.bind": "binds", "os.chdir": "changes directory to",
    "os.putenv": "sets the environment variable", "signal.pthread_kill": "signals",
}  # fmt: skip


def _state() -> Any:
    """Return the neighbour module: as part of the package when that is loaded, by file in a fresh process."""
    loaded = sys.modules.get("harness.probes.state") or sys.modules.get("_harness_probe_state")
    if loaded is not None:
        return loaded
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "state.py")
    spec = importlib.util.spec_from_file_location("_harness_probe_state", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_harness_probe_state"] = module
    spec.loader.exec_module(module)
    return module


def perform(request: dict[str, Any]) -> Result:
    """Load the payload of a request, compare with the records in it, and answer."""
    started = time.perf_counter()
    try:
        apply_patches(request.get("patches", ()))
        loaded = pickle.loads(request["payload"])
    except BaseException as error:  # anything the user's code raises here would break the pool
        return {"stage": "load", "error": describe_error(error)}
    seconds = time.perf_counter() - started
    effects, again, warm = _load_watched(request["payload"])
    result: Result = {"stage": "loaded", "seconds": warm or seconds, "first_seconds": seconds, "effects": effects}
    with contextlib.suppress(RecursionError):
        result["differences"] = _differences(request, loaded)
        result["identity"] = _identities(request, loaded)
        result["unequal"] = _unequal(loaded, again)
    return result


def describe_error(error: BaseException) -> str:
    """Return ``Type: message`` in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def apply_patches(patches: Any) -> None:
    """Give classes the methods, and modules the functions, of a tried fix: ``(module, qualname or "", source)``."""
    for module_name, qualname, source in patches:
        owner: Any = sys.modules["__main__"] if module_name == "__main__" else importlib.import_module(module_name)
        module = owner
        for part in qualname.split(".") if qualname else ():
            owner = getattr(owner, part)
        names: dict[str, Any] = {}
        exec(compile(source, "<fix>", "exec"), vars(module), names)
        for name, function in names.items():
            setattr(owner, name, function)


_watching: list[str] | None = None
_hooked = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching is None:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = bool(flags & _WRITES) if isinstance(flags, int) else "r" not in str(mode)
        if writes and not str(path).endswith((".pyc", os.devnull)) and "__pycache__" not in str(path):
            _watching.append(f"writes the file {os.path.basename(str(path))}")
    elif event in _EVENTS:
        subject = arguments[0] if arguments else ""
        text = os.fsdecode(subject) if isinstance(subject, bytes) else str(subject)
        _watching.append(f"{_EVENTS[event]} {text}".strip()[:120])


def _load_watched(payload: bytes) -> tuple[list[str], Any, float]:
    """Load a second time, when imports are over; return what else it did and its seconds. Descriptors may be gone."""
    global _watching, _hooked
    if b"multiprocessing.resource_sharer" in payload:
        return [], None, 0.0  # a shared descriptor is handed out once, and fetching it is the pool's own connection
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    threads = threading.active_count()
    out = io.StringIO()
    _watching = []
    again: Any = None
    started = time.perf_counter()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            again = pickle.loads(payload)
    except BaseException:  # the first load passed: a second one may lack a descriptor that is handed out once
        again = None
    seconds = time.perf_counter() - started if again is not None else 0.0
    found, _watching = _watching, None
    if out.getvalue():
        found.append(f"prints {out.getvalue().strip()[:80]!r}")
    if threading.active_count() > threads:
        found.append("starts a thread")
    return list(dict.fromkeys(found)), again, seconds


def _differences(request: dict[str, Any], loaded: dict[str, Any]) -> list[Result]:
    state = _state()
    found = []
    for name, before in request.get("records", {}).items():
        after, objects = state.describe(loaded[name], name)
        for path, what, detail in state.compare(before, after):
            parent = state.parent_of(path)
            holder = objects.get(parent)
            attribute = path[len(parent) + 1 :] if parent and path[len(parent)] == "." else ""
            found.append({
                "path": path, "what": what, "detail": detail,
                "library": bool(before.get(parent or path, {}).get("library")) or bool(before[path].get("library")),
                "attribute": attribute,
                "readable": bool(attribute) and _readable(holder, attribute),
                "deliberate": bool(attribute) and state.mentioned(type(holder), attribute),
                "lazy": bool(attribute) and state.restored_lazily(type(holder), attribute),
            })  # fmt: skip
    return found[:_MOST]


def _readable(holder: Any, attribute: str) -> bool:
    try:
        return hasattr(holder, attribute)
    except BaseException:
        return False


def _identities(request: dict[str, Any], loaded: dict[str, Any]) -> list[list[str]]:
    """Return those of ``(path, module, expression)`` where the loaded object is not the module's own."""
    state = _state()
    lost = []
    described = {name: state.describe(value, name)[1] for name, value in loaded.items()}
    for root, path, module_name, expression in request.get("singletons", ()):
        try:
            expected: Any = sys.modules.get(module_name) or importlib.import_module(module_name)
            for part in expression.split("."):
                expected = getattr(expected, part)
        except Exception:  # the worker cannot even import it: the load check has said so where it matters
            continue
        found = described.get(root, {}).get(path)
        if found is not None and found is not expected:
            lost.append([path, module_name, expression])
    return lost[:_MOST]


def _unequal(loaded: dict[str, Any], again: Any) -> list[str]:
    """Return the roots that compare unequal to a second copy of themselves though their class defines equality."""
    if again is None:
        return []
    found = []
    for name, value in loaded.items():
        if not isinstance(type(value).__eq__, types.FunctionType):
            continue  # a container compares its items, and an item without equality is never equal to its copy
        try:
            itself, copy = value, again[name]
            if bool(value == itself) and not bool(value == copy):
                found.append(name)
        except Exception:  # an equality without a truth value (arrays, data frames) says nothing here
            continue
    return found


def perform_many(request: dict[str, Any], answer: Any) -> None:
    """Load several payloads in turn, saying before each which it is; stop at the first that fails, unless ``all``."""
    apply_patches(request.get("patches", ()))
    for index, payload in enumerate(request["payloads"]):
        answer({"start": index})
        try:
            error = _state_error(request, index, pickle.loads(payload))
        except BaseException as failure:
            error = describe_error(failure)
        if error:
            answer({"failed": index, "error": error[:500]})
            if not request.get("all"):
                return
    answer({"done": True})


def _state_error(request: dict[str, Any], index: int, loaded: Any) -> str:
    """Say what changed on the way, for payloads that come with records of what they were."""
    if "records" not in request:
        return ""
    state = _state()
    after, _ = state.describe(loaded, "error")
    changes = state.compare(request["records"][index], after)
    return "; ".join(f"{path}: {detail}" for path, _, detail in changes)


def main(fd: int) -> int:
    """Answer the request on standard input, on the descriptor ``fd``, one JSON line at a time; returns an exit code."""
    request = pickle.load(sys.stdin.buffer)
    if request["preparation"]["start_method"] == "forkserver":
        return _through_a_fork_server(request, fd)
    _as_spawned(request, fd)
    return 0


def _answer_on(fd: int) -> Callable[[Result], None]:
    return lambda result: _write(fd, (json.dumps(result) + "\n").encode())


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _through_a_fork_server(request: Result, fd: int) -> int:
    """Have a child of a fork server answer, prepared by multiprocessing's own code with the asking process's data.

    The server ends with this process. The child is told what to run as a file: its ``__main__`` is the user's.
    """
    import multiprocessing
    import runpy
    from multiprocessing import connection, spawn

    told = request["preparation"]
    sys.path[:] = told["sys_path"]
    os.chdir(told["dir"])
    spawn.get_preparation_data = lambda name: dict(told)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(request["preload"])
    descriptors = {number: connection.Connection(os.dup(number)) for number in request["fds"]}
    given = {"request": request, "results": connection.Connection(fd, readable=False), "descriptors": descriptors}
    worker = context.Process(
        target=runpy.run_path, args=(os.path.abspath(__file__),),
        kwargs={"init_globals": {"GIVEN": given}, "run_name": FORKED},
    )  # fmt: skip
    worker.start()
    worker.join()
    return worker.exitcode or 0


def _as_forked(given: dict[str, Any]) -> None:
    """Look, with every shared descriptor under the number that the payload names; ours make room for them."""
    from multiprocessing import resource_tracker

    tracker: Any = resource_tracker._resource_tracker
    if tracker._fd is not None:
        tracker._fd = _out_of_the_way(tracker._fd)
    results = _out_of_the_way(given["results"].fileno())
    moved = {number: _out_of_the_way(held.fileno()) for number, held in given["descriptors"].items()}
    for held in (given["results"], *given["descriptors"].values()):
        held.close()
    for number, current in moved.items():
        os.dup2(current, number)
        os.close(current)
    _look(given["request"], _answer_on(results))


def _out_of_the_way(fd: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 512)


def _look(request: Result, answer: Callable[[Result], None]) -> None:
    answer({"stage": "prepared"})
    if "payloads" in request:
        perform_many(request, answer)
    else:
        answer(perform(request))


def _as_spawned(request: Result, fd: int) -> None:
    from multiprocessing import process, spawn

    answer = _answer_on(fd)
    sys.path[:] = request["preparation"]["sys_path"]
    current = process.current_process()
    current._inheriting = True  # type: ignore[attr-defined]
    try:
        spawn.prepare(request["preparation"])
    except BaseException as error:
        answer({"stage": "main", "error": describe_error(error)})
        return
    finally:
        del current._inheriting  # type: ignore[attr-defined]
    _look(request, answer)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
if __name__ == FORKED:
    _as_forked(globals()["GIVEN"])
