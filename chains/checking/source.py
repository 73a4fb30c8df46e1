"""What the source of a node gives away: where it asks, and what it would do a second time.

Read, not run. What cannot be read, such as a node made by a library, is passed over.
"""

import ast
import builtins
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from langgraph.types import interrupt

from chains.asking import ask_human
from chains.effects import effect
from chains.registry import Graph
from chains.registry.forms import is_old_typed_dict

ASKING = (interrupt, ask_human)
DEEPEST = 3
OUTSIDE = (open, print, input, exec, eval, compile, __import__)
# Methods of plain values. What another object's method does cannot be known from here.
HARMLESS = """
append copy count endswith extend find format get index insert isoformat items join keys lower lstrip model_copy
model_dump pop removeprefix removesuffix replace round rstrip setdefault sort split splitlines startswith strip title
update upper values
"""
PLAIN_METHODS = frozenset(HARMLESS.split())


@dataclass(frozen=True)
class Remark:
    """Something that will go wrong one day; `node` is empty where it is about the whole graph."""

    node: str
    sentence: str


@dataclass(frozen=True)
class Source:
    """A function's own source, and what the names in it stand for. `first_line` counts within its file."""

    body: ast.FunctionDef
    names: Mapping[str, Any]
    first_line: int

    def meaning(self, callee: ast.expr) -> Any:
        """What is called, or None; attributes are followed through modules only, so that nothing of the author runs."""
        if isinstance(callee, ast.Name):
            return self.names.get(callee.id, getattr(builtins, callee.id, None))
        if isinstance(callee, ast.Attribute):
            base = self.meaning(callee.value)
            return getattr(base, callee.attr, None) if isinstance(base, ModuleType) else None
        return None

    def line(self, node: ast.AST) -> int:
        return self.first_line + getattr(node, "lineno", 1) - 1


def remarks(graph: Graph) -> list[Remark]:
    found = [Remark(node, sentence) for node, source in _sources(graph) for sentence in _about(source)]
    if is_old_typed_dict(graph.builder.state_schema) or is_old_typed_dict(graph.builder.input_schema):
        found.append(
            Remark("", "The state is a typing.TypedDict. Before Python 3.12, take typing_extensions.TypedDict.")
        )
    return found


def asking_nodes(graph: Graph) -> list[str]:
    return [node for node, source in _sources(graph) if any(_asks(source))]


def _sources(graph: Graph) -> Iterator[tuple[str, Source]]:
    for name, node in graph.builder.nodes.items():
        source = _source(getattr(node.runnable, "func", None))
        if source is not None:
            yield name, source


def _source(function: Any) -> Source | None:
    function = _plain(function)
    if not inspect.isfunction(function):
        return None
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
        outside = inspect.getclosurevars(function)
    except (OSError, SyntaxError, TypeError, ValueError):
        return None
    body = tree.body[0] if tree.body else None
    if not isinstance(body, ast.FunctionDef):
        return None
    return Source(body, {**outside.globals, **function.__globals__, **outside.nonlocals}, first)


def _plain(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.ismethod(function):
        function = function.__func__
    return inspect.unwrap(function) if callable(function) else None


def _about(source: Source) -> Iterator[str]:
    asks = list(_asks(source))
    if not asks:
        return
    for call in _calls(source.body, until=asks[0]):
        if not _is_harmless(source, call):
            yield (
                f"calls {ast.unparse(call.func)}() on line {source.line(call)} before it asks, and again whenever it "
                "is answered. Move the call to a node before, or make it through effect()."
            )
    if len(asks) > 1:
        yield (
            f"asks in {len(asks)} places. Answers are matched by their order, which an answer may change. "
            "Ask one question in each node."
        )
    yield from _swallowing(source, asks)


def _swallowing(source: Source, asks: list[ast.Call]) -> Iterator[str]:
    for attempt in ast.walk(source.body):
        if isinstance(attempt, ast.Try) and any(ask in ast.walk(part) for part in attempt.body for ask in asks):
            for handler in attempt.handlers:
                if handler.type is None or source.meaning(handler.type) in (Exception, BaseException):
                    yield (
                        f"catches every exception around its question on line {source.line(handler)}. "
                        "The pause is an exception too, and would be lost. Catch only what you expect."
                    )


def _asks(source: Source, depth: int = DEEPEST) -> Iterator[ast.Call]:
    """The calls that ask, be it through a function of the author's own."""
    for call in _calls(source.body):
        meaning = source.meaning(call.func)
        if any(meaning is ask for ask in ASKING):
            yield call
        elif depth and inspect.isfunction(meaning):
            helper = _source(meaning)
            if helper is not None and any(_asks(helper, depth - 1)):
                yield call


def _calls(root: ast.AST, *, until: ast.Call | None = None) -> list[ast.Call]:
    """In the order of the text, without those of functions that are only defined here."""
    found = [node for node in _executed(root, skip=until) if isinstance(node, ast.Call)]
    end = (until.lineno, until.col_offset) if until else None
    return sorted((c for c in found if end is None or _place(c) < end), key=_place)


def _executed(node: ast.AST, *, skip: ast.AST | None) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if child is skip or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield child
        yield from _executed(child, skip=skip)


def _place(call: ast.Call) -> tuple[int, int]:
    return call.lineno, call.col_offset


def _is_harmless(source: Source, call: ast.Call) -> bool:
    meaning: Callable[..., Any] | None = source.meaning(call.func)
    if meaning is effect or inspect.isclass(meaning):
        return True
    if meaning is not None:
        return getattr(meaning, "__module__", "") == "builtins" and meaning not in OUTSIDE
    return isinstance(call.func, ast.Attribute) and call.func.attr in PLAIN_METHODS
