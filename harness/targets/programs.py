"""Operation programs: which operations an object has, and small concurrent programs of them made by Hypothesis.

Few distinct arguments, so that operations conflict. It explores nothing: `try_program` is the caller's.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import tempfile
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.model import HarnessError, UsageError, one_line
from harness.schedule.history import Call, Program

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

POOL = 2
"""Distinct values of one argument in one program."""
KEYS = frozenset({"key", "k", "name", "symbol", "word", "path"})


@dataclass(frozen=True, slots=True)
class Method:
    """An operation to generate: its name, and the strategies of its positional and named arguments."""

    name: str
    args: tuple[SearchStrategy[Any], ...] = ()
    kwargs: tuple[tuple[str, SearchStrategy[Any]], ...] = ()


Choice = Method | Call


class Broken(HarnessError):
    """Carries a failing program out of Hypothesis."""


def hypothesis() -> Any:
    """The library, imported when the first program is made: `import harness` does not wait for it."""
    import hypothesis
    import hypothesis.strategies

    return hypothesis


def choices_of(operations: object, make: Callable[[], Any]) -> tuple[Choice, ...]:
    """What programs are made of.

    ``operations`` is None (all public methods), a sequence of names and written calls (``"get"``, ``"put('a')"``), or
    a mapping from name to the strategies of its arguments: one, a sequence in order, or a mapping by name. Raises
    :class:`UsageError`.
    """
    target = probe(make)
    if operations is None:
        operations = _public(target)
        if not operations:
            raise UsageError(f"{_named(target)} has no public method: name the operations")
    if isinstance(operations, str) or not isinstance(operations, (Mapping, Sequence)):
        raise UsageError(
            "operations must be a list of names or written calls, or a mapping from name to strategies, "
            f"not {operations!r}"
        )
    if isinstance(operations, Mapping):
        found = tuple(_given(target, name, strategies) for name, strategies in operations.items())
    else:
        found = tuple(_written(target, text) for text in operations)
    if not found:
        raise UsageError("operations is empty: name at least one method")
    return found


def probe(make: Callable[[], Any]) -> Any:
    """Where operations are looked up: on a class in Python itself, so that nothing it starts is left, or an object."""
    if not callable(make):
        raise UsageError(f"make must be a class or a function that returns a fresh object, not {make!r}")
    try:
        inspect.signature(make).bind()
    except TypeError:
        raise UsageError(
            f"make cannot be called without arguments: pass lambda: {getattr(make, '__name__', 'make')}(...)"
        ) from None
    except ValueError:
        pass
    if in_python(make):
        return make
    try:
        return make()
    except Exception as error:
        raise UsageError(f"make raised {one_line(error)}; it must return a fresh object in every run") from error


def in_python(kind: object) -> bool:
    """Whether ``kind`` is a class with methods in Python."""
    return isinstance(kind, type) and any(hasattr(value, "__code__") for value in vars(kind).values())


def method_of(target: Any, name: str) -> Any:
    """The bound method of an object; of a class, one with the signature of a bound one; None where there is none."""
    try:
        if isinstance(target, type):
            found = inspect.getattr_static(target, name, None)
            return types.MethodType(found, target) if inspect.isfunction(found) else getattr(target, name, None)
        return getattr(target, name)
    except Exception:
        return None


def _public(target: Any) -> list[str]:
    return [name for name in dir(target) if not name.startswith("_") and callable(method_of(target, name))]


def _named(target: Any) -> str:
    return target.__name__ if isinstance(target, type) else type(target).__name__


def _method(target: Any, name: object) -> Any:
    method = method_of(target, name) if isinstance(name, str) else None
    if not callable(method):
        public = ", ".join(_public(target)) or "none"
        raise UsageError(f"{_named(target)} has no method {name!r}: its methods are {public}")
    if inspect.iscoroutinefunction(method):
        raise UsageError(f"{name} is an async def: coroutines are not interleaved here; leave it out")
    return method


def _written(target: Any, text: object) -> Choice:
    if isinstance(text, str) and "(" in text:
        call = Call.parse(text)
        _binds(_method(target, call.name), call)
        return call
    return _inferred(target, text)


def _binds(method: Any, call: Call) -> None:
    try:
        inspect.signature(method).bind(*call.args, **dict(call.kwargs))
    except TypeError as error:
        raise UsageError(f"{call} does not fit {call.name}{inspect.signature(method)}: {error}") from None
    except ValueError:
        return


def _given(target: Any, name: str, strategies: Any) -> Choice:
    method = _method(target, name)
    if strategies is None:
        return _inferred(target, name)
    if isinstance(strategies, Mapping):
        found = Method(name, (), tuple((str(key), _strategy(name, value)) for key, value in strategies.items()))
    elif isinstance(strategies, (list, tuple)):
        found = Method(name, tuple(_strategy(name, value) for value in strategies))
    else:
        found = Method(name, (_strategy(name, strategies),))
    _binds(method, Call(name, (None,) * len(found.args), tuple((key, None) for key, _ in found.kwargs)))
    return found


def _strategy(name: str, value: Any) -> SearchStrategy[Any]:
    if not isinstance(value, hypothesis().strategies.SearchStrategy):
        raise UsageError(
            f"operations[{name!r}] must hold Hypothesis strategies, not {value!r}: e.g. st.sampled_from(['a', 'b'])"
        )
    return typing.cast("SearchStrategy[Any]", value)


def _inferred(target: Any, name: object) -> Choice:
    """A strategy for each argument that has no default, from its type hint or else its name."""
    method = _method(target, name)
    assert isinstance(name, str)
    try:
        parameters = inspect.signature(method).parameters.values()
    except ValueError:
        raise UsageError(f"{name} has no signature: write calls, such as \"{name}()\" or \"{name}('a')\"") from None
    try:
        hints = typing.get_type_hints(getattr(method, "__func__", method))
    except Exception:
        hints = {}
    args: list[Any] = []
    kwargs: list[Any] = []
    for parameter in parameters:
        if parameter.default is not parameter.empty or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            continue
        strategy = _for_parameter(name, parameter.name, hints.get(parameter.name))
        if parameter.kind is parameter.KEYWORD_ONLY:
            kwargs.append((parameter.name, strategy))
        else:
            args.append(strategy)
    return Method(name, tuple(args), tuple(kwargs))


def _for_parameter(method: str, name: str, hint: Any) -> SearchStrategy[Any]:
    st = hypothesis().strategies
    if hint is int:
        return _shared("int", [1, 2])
    if hint is str or (hint is None and name in KEYS):
        return _shared("str", ["a", "b"])
    if hint is float:
        return _shared("float", [1.0, 2.0])
    if hint is None or hint is Any or hint is object or isinstance(hint, typing.TypeVar):
        return _shared("any", [1, 2])
    try:
        strategy = st.from_type(hint)
        strategy.validate()
    except Exception:
        raise UsageError(
            f"no values are known for the argument {name!r} of {method}: pass operations={{{method!r}: strategy}}"
        ) from None
    return typing.cast("SearchStrategy[Any]", strategy)


_made_once: dict[str, Any] = {}


def _shared(name: str, values: list[Any]) -> SearchStrategy[Any]:
    """One strategy object per kind of value: arguments with the same strategy draw from the same few values."""
    if name not in _made_once:
        _made_once[name] = hypothesis().strategies.sampled_from(values)
    return typing.cast("SearchStrategy[Any]", _made_once[name])


def sizes(threads: int, length: int) -> Iterator[tuple[int, int]]:
    """Shapes of programs, (threads, most operations of each): few threads first, they are easier to read."""
    return ((t, n) for t in range(2, threads + 1) for n in range(1, length + 1))


def programs(choices: Sequence[Choice], threads: int, length: int) -> Any:
    """The strategy of programs with so many threads and at most ``length`` operations in each."""
    st = hypothesis().strategies
    strategies: dict[int, Any] = {}
    for choice in choices:
        if isinstance(choice, Method):
            strategies.update({id(s): s for s in (*choice.args, *(value for _, value in choice.kwargs))})
    wanted = list(choices)

    @st.composite  # type: ignore[untyped-decorator]
    def build(draw: Any) -> Program:
        pools = {
            number: draw(st.lists(strategy, min_size=1, max_size=POOL, unique_by=repr))
            for number, strategy in strategies.items()
        }

        def call() -> Call:
            choice = draw(st.sampled_from(wanted))
            if isinstance(choice, Call):
                return choice
            args = tuple(draw(st.sampled_from(pools[id(strategy)])) for strategy in choice.args)
            kwargs = tuple((name, draw(st.sampled_from(pools[id(strategy)]))) for name, strategy in choice.kwargs)
            return Call(choice.name, args, kwargs)

        return tuple(tuple(call() for _ in range(draw(st.integers(1, length)))) for _ in range(threads))

    return build()


def search(
    choices: Sequence[Choice], shape: tuple[int, int], most: int, seed: int, fails: Callable[[Program], bool]
) -> Program | None:
    """At most ``most`` programs of one shape given to ``fails``; the failing one that Hypothesis shrank to, or None.

    ``fails`` must answer the same for the same program, and may raise anything to end the search.
    """
    library = hypothesis()
    found: list[Program] = []

    def attempt(program: Program) -> None:
        if fails(program):
            found.append(program)
            raise Broken

    settings = library.settings(
        max_examples=most,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        phases=(library.Phase.generate, library.Phase.shrink),
        suppress_health_check=list(library.HealthCheck),
        verbosity=library.Verbosity.quiet,
    )
    run = library.seed(seed)(settings(library.given(programs(choices, *shape))(attempt)))
    try:
        with _nothing_stored():
            run()
    except Broken:
        return found[-1]
    return None


@contextlib.contextmanager
def _nothing_stored() -> Iterator[None]:
    """Hypothesis keeps what it finds in the user's folder even without a database: it gets another one meanwhile."""
    from hypothesis import configuration

    before = vars(configuration).get("__hypothesis_home_directory")
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)


def smaller(program: Program, length: int) -> Iterator[Program]:
    """The program with one thread or one operation left out, or two threads made one of at most ``length``."""
    if len(program) > 2:
        for thread in range(len(program)):
            yield program[:thread] + program[thread + 1 :]
        for first, second in itertools.permutations(range(len(program)), 2):
            if len(program[first]) + len(program[second]) <= length:
                others = [calls for number, calls in enumerate(program) if number not in (first, second)]
                yield (program[first] + program[second], *others)
    for thread, calls in enumerate(program):
        for index in range(len(calls)):
            if len(calls) > 1:
                yield (*program[:thread], calls[:index] + calls[index + 1 :], *program[thread + 1 :])
