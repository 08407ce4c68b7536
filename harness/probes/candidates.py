"""Candidates for a fix, from the failures of a walk: what to change, written as code. Nothing is tried here.

Runs in the sandbox: it looks at live objects, reads their source, and makes the objects to send instead.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import itertools
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.probes.fresh_child import apply_patches
from harness.probes.origins import definition, source_map
from harness.probes.paths import ATTR
from harness.probes.rewrite import Function, Rewritten, explicit, free_names
from harness.probes.sandbox import Page
from harness.probes.state import describe, held, is_a, is_library_type
from harness.probes.survey import Group, Request
from harness.probes.walk import Failure, Holder, Walker

Patch = tuple[str, str, str]
Roots = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A change: the text for the reader, the patches to apply, and how to build what is sent instead."""

    title: str
    patch: str
    patches: tuple[Patch, ...]
    rewire: Callable[[Roots], Roots] | None = None


def candidates(request: Request, failing: tuple[str, ...], page: Page) -> list[Candidate]:
    """Return the candidates for a group, the most explicit first. ``failing`` are the paths that do not load."""
    group = request.group
    walked = Walker(group.flavor, beacon=page, forced=request.forced).walk(group.roots)
    for_load = _alternatives([_reducers(path, group.roots) for path in failing])
    if not walked.failures:
        return for_load
    rewritten = [_explicit_root(name, group.roots[name], group.label) for name in _roots_with(walked.failures)]
    explicit = [candidate for candidate in rewritten if candidate is not None]
    all_explicit = [_combined(explicit)] if len(explicit) > 1 else []
    for_dump = [*explicit, *all_explicit, *_and_leave_out(explicit, group, page)]
    for_dump += _present(_leave_out(walked.failures))
    return for_dump + [_combined([one, other]) for one in for_dump for other in for_load]


def _and_leave_out(explicit: list[Candidate], group: Group, page: Page) -> list[Candidate]:
    """Return the functions with explicit arguments, and what is left out of that which still cannot be sent then."""
    if not explicit:
        return []
    every = _combined(explicit)
    apply_patches(every.patches)
    roots = every.rewire(dict(group.roots)) if every.rewire is not None else group.roots
    rest = Walker(group.flavor, beacon=page).walk(roots).failures
    left_out = _leave_out(rest) if rest else None
    return [_combined([*explicit, left_out])] if left_out is not None else []


def _present(candidate: Candidate | None) -> list[Candidate]:
    return [candidate] if candidate is not None else []


def _alternatives(choices: list[list[Candidate]]) -> list[Candidate]:
    """Return one candidate for each way to choose from every list; a list without a choice leaves none."""
    distinct = {choice[0].patches[0][:2]: choice for choice in choices if choice}
    if not choices or not all(choices):
        return []
    return [_combined(list(chosen)) for chosen in itertools.islice(itertools.product(*distinct.values()), 4)]


def _combined(every: list[Candidate]) -> Candidate:
    rewires = [candidate.rewire for candidate in every if candidate.rewire is not None]

    def rewire(roots: Roots) -> Roots:
        for change in rewires:
            roots = change(roots)
        return roots

    patches = tuple(dict.fromkeys(patch for candidate in every for patch in candidate.patches))
    title = "; and ".join(candidate.title for candidate in every)
    return Candidate(title, "\n\n".join(candidate.patch for candidate in every), patches, rewire if rewires else None)


def _roots_with(failures: tuple[Failure, ...]) -> list[str]:
    return list(dict.fromkeys(failure.root for failure in failures))


# A callable that drags in self, or has no name: a module-level function with explicit arguments.


def _explicit_root(name: str, root: Any, label: str) -> Candidate | None:
    callable_, inner = _unwrap(root)
    if not is_a(callable_, types.MethodType | types.FunctionType):
        return None
    function = callable_.__func__ if is_a(callable_, types.MethodType) else callable_
    if not is_a(function, types.FunctionType):
        return None
    node = _node(function)
    module = sys.modules.get(function.__module__)
    if node is None or module is None:
        return None
    values = _values(callable_, function)
    rewritten = explicit(node, _new_name(function, module), values, vars(module))
    if rewritten is None:
        return None
    bound = tuple(_value_of(text, values) for text in rewritten.stands_for)
    patches = ((function.__module__, "", rewritten.source),)
    return Candidate(
        _title(name, label), f"{rewritten.source}\n\n{_call(name, rewritten, root)}", patches,
        lambda roots: _rewired(roots, name, getattr(module, rewritten.name), bound, inner, label),
    )  # fmt: skip


def _unwrap(root: Any) -> tuple[Any, functools.partial[Any] | None]:
    if is_a(root, functools.partial):
        return root.func, root
    return root, None


def _node(function: types.FunctionType) -> Function | None:
    found = source_map(function.__code__.co_filename)
    node = found.nodes.get((function.__code__.co_name, function.__code__.co_firstlineno)) if found else None
    return node if isinstance(node, ast.FunctionDef | ast.Lambda) else None


def _values(callable_: Any, function: types.FunctionType) -> dict[str, Any]:
    """Return the captured variables and their values, ``self`` of a bound method among them."""
    values: dict[str, Any] = {}
    if is_a(callable_, types.MethodType):
        values[function.__code__.co_varnames[0]] = callable_.__self__
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        values[variable] = cell.cell_contents
    return values


def _value_of(text: str, values: dict[str, Any]) -> Any:
    variable, _, attribute = text.partition(".")
    return getattr(values[variable], attribute) if attribute else values[variable]


def _new_name(function: types.FunctionType, module: types.ModuleType) -> str:
    name = function.__name__ if function.__name__ != "<lambda>" else "task"
    return name if name not in vars(module) else f"{name}_explicit"


def _title(name: str, label: str) -> str:
    if label == "worker process":
        return "a module-level initializer with explicit initargs"
    return f"{name} as a module-level function with explicit arguments"


def _call(name: str, rewritten: Rewritten, root: Any) -> str:
    given = ", ".join(rewritten.stands_for)
    if name == "initializer":
        return f"ProcessPoolExecutor(..., initializer={rewritten.name}, initargs=({given}{',' if given else ''}))"
    if is_a(root, functools.partial):
        given = ", ".join([given, *map(repr, root.args)] if given else map(repr, root.args))
    if not given:
        return f"submit({rewritten.name}, ...)"
    return f"submit(functools.partial({rewritten.name}, {given}), ...)"


def _rewired(
    roots: Roots, name: str, function: Any, bound: tuple[Any, ...], inner: functools.partial[Any] | None, label: str
) -> Roots:
    arguments = (*bound, *(inner.args if inner else ()))
    keywords = inner.keywords if inner else {}
    if label == "worker process" and not keywords:
        return {**roots, name: function, "initargs": (*arguments, *roots.get("initargs", ()))}
    return {**roots, name: functools.partial(function, *arguments, **keywords) if arguments or keywords else function}


# Attributes that cannot travel: leave them out of the state, and make them again in the worker.


def _leave_out(failures: tuple[Failure, ...]) -> Candidate | None:
    by_class: dict[type, dict[str, Any]] = {}
    for failure in failures:
        owner = _owner(failure)
        if owner is None:
            return None
        holder, name = owner
        if _has_hooks(type(holder)) or "<locals>" in type(holder).__qualname__:
            return None
        by_class.setdefault(type(holder), {})[name] = held(holder).get(name)
    if not by_class:
        return None
    patches = tuple((cls.__module__, cls.__qualname__, _state_hooks(cls, names)) for cls, names in by_class.items())
    text = "\n\n".join(f"class {cls}: ...\n{_indent(source)}" for _, cls, source in patches)
    names = ", ".join(f"{cls.__qualname__}.{name}" for cls, held_ in by_class.items() for name in held_)
    return Candidate(f"__getstate__ leaves out {names}", text, patches)


def _owner(failure: Failure) -> tuple[Any, str] | None:
    """Return the innermost instance of a class of the user on the way, and the attribute that leads on."""
    holders = (*failure.holders, Holder(failure.obj, failure.edge))
    for above, below in zip(reversed(holders[:-1]), reversed(holders[1:]), strict=True):
        named = below.edge is not None and below.edge[0] == ATTR and below.edge[1] in held(above.obj)
        if named and below.edge and not is_a(above.obj, type) and not is_library_type(type(above.obj)):
            return above.obj, below.edge[1]
    return None


def _has_hooks(cls: type) -> bool:
    hooks = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__")
    return any(hook in base.__dict__ for base in cls.__mro__[:-1] for hook in hooks) or _slotted(cls)


def _slotted(cls: type) -> bool:
    return not any("__dict__" in base.__dict__ for base in cls.__mro__)


def _state_hooks(cls: type, names: dict[str, Any]) -> str:
    dropped = [f'    del state["{name}"]' for name in names]
    made = [_made_again(name, _maker(cls, name)) for name in names]
    return "\n".join([
        "def __getstate__(self):", "    state = self.__dict__.copy()", *dropped, "    return state", "",
        "def __setstate__(self, state):", "    self.__dict__.update(state)", *made,
    ])  # fmt: skip


def _made_again(name: str, maker: str) -> str:
    return f"    self.{name} = {maker}" + ("  # make it where it is first used" if maker == "None" else "")


def _maker(cls: type, name: str) -> str:
    """Return the expression that made the attribute, if the worker can evaluate it; otherwise ``None``."""
    for base in cls.__mro__:
        place = definition(base)
        found = source_map(place.file) if place else None
        for binding in found.attributes.get(name, []) if found else []:
            inside = binding.scope.startswith(base.__qualname__ + ".")
            if inside and isinstance(binding.value, ast.Call) and _evaluates(binding.value, base):
                return ast.unparse(binding.value)
        for binding in found.names.get(name, []) if found else []:
            factory = _factory(binding.value) if binding.scope == base.__qualname__ else None
            if factory is not None:
                return factory
    return "None"


def _evaluates(expression: ast.Call, cls: type) -> bool:
    known = {*vars(sys.modules[cls.__module__]), *dir(builtins)}
    return free_names(expression) <= known


def _factory(value: ast.expr | None) -> str | None:
    """Return the call for a dataclass field with a ``default_factory`` that is a plain name."""
    if isinstance(value, ast.Call):
        for word in value.keywords:
            if word.arg == "default_factory" and isinstance(word.value, ast.Name | ast.Attribute):
                return f"{ast.unparse(word.value)}()"
    return None


def _indent(source: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in source.splitlines())


# An exception that dumps and does not load: say how to make it again.


def _reducers(path: str, roots: Roots) -> list[Candidate]:
    for name, root in roots.items():
        obj = describe(root, name)[1].get(path)
        if (
            isinstance(obj, BaseException)
            and not is_library_type(type(obj))
            and "<locals>" not in type(obj).__qualname__
        ):
            return [_reducer(type(obj), source) for source in reduce_sources(obj)]
    return []


def _reducer(cls: type, source: str) -> Candidate:
    text = f"class {cls.__qualname__}: ...\n{_indent(source)}"
    return Candidate(f"__reduce__ for {cls.__qualname__}", text, ((cls.__module__, cls.__qualname__, source),))


def reduce_sources(error: BaseException) -> list[str]:
    """Return ``__reduce__`` methods for an exception: by its own arguments if it keeps them, then past ``__init__``."""
    sources = []
    kept = _kept_arguments(error)
    if kept is not None:
        arguments = ", ".join(f"self.{name}" for name in kept)
        sources.append(f"def __reduce__(self):\n    return (type(self), ({arguments}{',' if kept else ''}))")
    sources.append(
        "def __reduce__(self):\n    import copyreg\n\n"
        "    return (copyreg.__newobj__, (type(self), *self.args), self.__dict__)"
    )
    return sources


def _kept_arguments(error: BaseException) -> list[str] | None:
    """Return the attributes that hold the arguments of ``__init__``, if every one is kept under its own name."""
    try:
        parameters = list(inspect.signature(type(error).__init__).parameters.values())[1:]
    except (TypeError, ValueError):
        return None
    if any(p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters):
        return None
    names = [p.name for p in parameters]
    return names if all(name in held(error) for name in names) else None
