"""`harness init`: what it prints is a configuration that the harness accepts and runs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from user_project import Project, Run, run_module

from harness.kinds._registry import names
from harness.kinds._starting import starting_configuration
from harness.targets.chosen import load
from harness.targets.config import entry_of, load_target

pytestmark = pytest.mark.once

APP = '''\
"""A service's books, and things that are not easy to describe."""
from contextlib import contextmanager
from threading import Condition, Lock


class Ledger:
    """What was booked, by account."""

    def __init__(self, currency: str, limit: int = 10):
        self.currency = currency
        self._lock = Lock()
        self._booked: dict[str, int] = {}

    def book(self, account: str, amount: int, *, note: str = "a \\"quoted\\"\\nnote") -> None:
        """Adds."""
        with self._lock:
            self._booked[account] = self._booked.get(account, 0) + amount

    def forget(self, account: str) -> None:
        with self._lock:
            self._booked.pop(account, None)

    def totals(self) -> dict[str, int]:
        with self._lock:
            return dict(self._booked)

    def merge(self, other: "Ledger") -> None:
        """Needs another one."""

    async def publish(self) -> None: ...

    @contextmanager
    def transaction(self):
        yield

    def wait_for_booking(self) -> None: ...

    def close(self) -> None: ...


class Racy(Ledger):
    def book(self, account: str, amount: int, *, note: str = "") -> None:
        self._booked[account] = self._booked.get(account, 0) + amount


class Registry:
    _instance = None
    _lock = Lock()

    def __new__(cls):
        with cls._lock:
            if cls._instance is None:
                cls._instance = super().__new__(cls)
            return cls._instance

    def lookup(self, name): return name


def registry() -> Registry:
    return Registry()


class Plain:
    def __init__(self):
        self.hits = 0
        self.misses = 0

    def hit(self):
        self.hits += 1


class Nothing:
    pass


class Hard:
    def __init__(self, ledger: Ledger): ...
    def count(self) -> int: return 1
    def touch(self): ...


total = 0

def add(amount: int) -> None:
    global total
    total += amount

def get_total() -> int:
    return total

a_ledger = Ledger("EUR")

async def later(): ...
'''
PYPROJECT = """\
[tool.pytest.ini_options]
addopts = "-p no:cacheprovider"
"""


def project(folder: Path) -> Project:
    made = Project(folder, {"app/books.py": APP, "pyproject.toml": PYPROJECT})
    (folder / "pytest.ini").unlink()
    return made


def init(made: Project, target: str) -> Run:
    code = "import sys; from harness.cli import main; main(sys.argv[1:], prog_name='harness')"
    (made.folder.parent / "command").mkdir(exist_ok=True)
    (made.folder.parent / "command" / "harness_command.py").write_text(code, "utf-8")
    return run_module(
        "harness_command", "init", target, folder=made.folder, PYTHONPATH=str(made.folder.parent / "command")
    )


@pytest.fixture
def made(tmp_path: Path) -> Project:
    (tmp_path / "user").mkdir()
    return project(tmp_path / "user")


def table(run: Run) -> dict[str, object]:
    assert run.returncode == 0, run.text
    ((_, found),) = tomllib.loads(run.text)["tool"]["harness"]["targets"].items()
    return dict(found)


def test_a_class_is_configured_from_its_signatures(made: Project) -> None:
    run = init(made, "app.books:Ledger")
    assert table(run) == {
        "make": "app.books:Ledger",
        "args": ["a"],
        "call": ["book('a', 1)", "book('b', 2)", "forget('a')", "forget('b')"],
        "observe": "totals()",
        "stop": "close()",
        "kinds": ["hammer", "lifecycle", "linearizable"],
        "threads": 10,
    }
    assert run.line(r"# book\(account: str, amount: int, \*, note: str = 'a \"quoted\"\\nnote'\) -> None")
    assert run.line(r"# Left out, no value is known for other: merge")
    assert run.line(r"# Left out, a coroutine: threads do not run it: publish")
    assert run.line(r"# Left out, a generator or context manager.*: transaction")
    assert run.line(r"# Left out, it may wait for another operation: wait_for_booking")
    assert run.line(r"# snapshot: invariant not given")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("app.books:Registry", {"call": ["lookup('a')", "lookup('b')"], "kinds": ["linearizable", "singleton"]}),
        ("app.books:registry", {"make": "app.books:registry", "call": ["lookup('a')", "lookup('b')"]}),
        ("app.books:Plain", {"call": ["hit()"], "observe": "{'hits': hits, 'misses': misses}"}),
        ("app.books", {"make": "app.books", "call": ["add(1)", "add(2)", "registry()"], "observe": "get_total()"}),
        ("app.books:Hard", {"call": ["touch()"], "observe": "count()"}),
    ],
)
def test_other_objects(made: Project, target: str, expected: dict[str, object]) -> None:
    found = table(init(made, target))
    assert {key: found[key] for key in expected} == expected


def test_what_it_prints_is_appended_and_runs(made: Project) -> None:
    made.write("pyproject.toml", PYPROJECT + init(made, "app.books:Plain").text)
    run = made.pytest("-m", "concurrency")
    assert run.outcomes == {"failed": 2}, run.text
    assert run.line("pyproject.toml::plain::hammer: FAIL: lost_update .* hits is 1 after 2 operations")
    assert run.line("pyproject.toml::plain::linearizable: FAIL")


def test_what_it_prints_for_a_correct_class_passes(made: Project) -> None:
    made.write("pyproject.toml", PYPROJECT + init(made, "app.books:Ledger").text.replace("threads = 10", "threads = 4"))
    run = made.pytest("-m", "concurrency", "-k", "lifecycle or linearizable")
    assert run.outcomes == {"passed": 2, "deselected": 1}, run.text


def test_a_second_target_of_that_name_gets_another(made: Project) -> None:
    made.write("pyproject.toml", PYPROJECT + init(made, "app.books:Plain").text)
    assert "[tool.harness.targets.plain_2]" in init(made, "app.books:Plain").text


def test_where_nothing_fits_it_says_so_and_so_does_pytest(made: Project) -> None:
    text = init(made, "app.books:Nothing").text
    assert "# CHECK: no scenario fits as it stands" in text
    made.write("pyproject.toml", PYPROJECT + text)
    run = made.pytest("-m", "concurrency")
    assert run.returncode not in (0, 5)
    assert run.line(r"\[tool.harness.targets.nothing\]: no kind of scenario fits: cache: cache names no")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("", "harness init : not of the form"),
        ("app.books:", "not of the form NAME=package.module:Object"),
        ("app.nothing:Ledger", "importing app.nothing raised ModuleNotFoundError.*; run where it can be imported"),
        ("app.books:Ledge", "app.books has no Ledge; did you mean Ledger"),
        ("app.books:a_ledger", "it is a Ledger; name its class, a function that makes one, or its module"),
        ("app.books:later", "it is an async def"),
        ("app.ends:x", r"importing app.ends raised SystemExit: 3"),
    ],
)
def test_bad_input_is_one_clear_line(made: Project, target: str, message: str) -> None:
    made.write("app/ends.py", "raise SystemExit(3)\n")
    run = init(made, target)
    assert run.returncode == 1
    assert run.line(message)
    assert len(run.lines) == 1, run.text


def test_an_empty_list_of_kinds_is_refused(made: Project) -> None:
    made.write("pyproject.toml", PYPROJECT + '[tool.harness.targets.x]\nmake = "app.books:Plain"\nkinds = []\n')
    run = made.pytest("-m", "concurrency")
    assert run.returncode not in (0, 5)
    assert run.line("kinds: is empty; leave the key out for all kinds that fit, or name some")


@pytest.mark.parametrize(
    "path",
    [
        "collections:OrderedDict", "collections:deque", "collections:ChainMap", "queue:Queue", "logging:Logger",
        "argparse:ArgumentParser", "threading:Thread", "decimal:Decimal", "pathlib:Path", "sched:scheduler",
        "functools:lru_cache", "json:dumps", "random:Random", "tempfile", "time", "enum:Enum", "typing:NamedTuple",
        "types:SimpleNamespace", "concurrent.futures:ThreadPoolExecutor", "sqlite3:connect", "email.message:Message",
    ],
)  # fmt: skip
def test_any_object_gives_a_configuration_that_is_accepted(path: str) -> None:
    text = starting_configuration(path)
    ((name, found),) = tomllib.loads(text)["tool"]["harness"]["targets"].items()
    entry = entry_of(name, found, "here", names())
    assert load_target(entry, lambda _, default: load(default, "here", module=True)).threads == 10
