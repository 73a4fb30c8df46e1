"""From an import path to a Chain: whatever the author's module does or raises, the other chains go on."""

import asyncio
import atexit
import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel

from chains.registry.chain import BrokenChain, Builder, Chain, Facts, Graph
from chains.registry.files import Place
from chains.registry.forms import form_of

LONGEST_REASON = 300

# What graph factories have opened stays open for as long as this process lives.
_opened = contextlib.ExitStack()
atexit.register(_opened.close)


def load_chain(name: str, place: Place | str) -> Chain:
    """A place names a Chain, a StateGraph, a compiled graph, or a function that returns one. Raises BrokenChain."""
    place = Place(place) if isinstance(place, str) else place
    module_name, _, attribute = place.path.rpartition(":")
    if not module_name or not attribute:
        raise BrokenChain(f"Chain {name!r}: write its path as module:attribute or ./file.py:attribute.")
    try:
        module = _module(module_name, place.base or Path.cwd())
        found = getattr(module, attribute)
    except (Exception, SystemExit) as error:  # a module's body is its author's code, and may do anything
        raise BrokenChain(f"Chain {name!r}: {place.path} cannot be imported: {reason(error)}.") from error
    if isinstance(found, Chain):
        return _named(name, place, found)
    return _bare(name, place, _as_graph(name, place, found))


def reason(error: BaseException) -> str:
    """One bounded line: what was raised, and where in the author's own file."""
    line = next(iter(str(error).strip().splitlines()), "")[:LONGEST_REASON].rstrip(".")
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if "importlib" not in frame.filename and frame.filename != __file__]
    where = f" ({Path(inside[-1].filename).name}, line {inside[-1].lineno})" if inside else ""
    kind = "" if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: "
    return f"{kind}{line}{where}"


def _module(name: str, base: Path) -> ModuleType:
    if not name.endswith(".py"):
        return importlib.import_module(name)
    file = (base / name).resolve()
    if not file.is_file():
        raise ImportError(f"there is no file {file}")
    dotted = _dotted(file)
    return importlib.import_module(dotted) if dotted else _from_file(file, name)


def _dotted(file: Path) -> str:
    """The file's name as a module, if it is one: then its own relative imports work, and it is imported once."""
    for root in map(Path, sys.path):
        if not file.is_relative_to(root.resolve()):
            continue
        parts = file.relative_to(root.resolve()).with_suffix("").parts
        with contextlib.suppress(ImportError, ValueError):  # another module of that name comes first
            spec = importlib.util.find_spec(".".join(parts)) if all(map(str.isidentifier, parts)) else None
            if spec and spec.origin and Path(spec.origin).resolve() == file:
                return ".".join(parts)
    return ""


def _from_file(file: Path, written: str) -> ModuleType:
    """Checkpoints hold the module's name with every type of its own: it has to be the same on every machine."""
    slug = re.sub(r"\W", "_", file.stem)
    name = f"chain_{slug}_{hashlib.sha256(written.encode()).hexdigest()[:8]}"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(file):
        return loaded
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _named(name: str, place: Place, found: Chain) -> Chain:
    if found.name != name:
        raise BrokenChain(f"Chain {name!r}: {place.path} calls itself {found.name!r}; use one name.")
    return found


def _as_graph(name: str, place: Place, found: Any) -> Builder | Graph:
    if isinstance(found, Pregel) and not isinstance(found, CompiledStateGraph):
        raise BrokenChain(f"Chain {name!r}: {place.path} is not a StateGraph. Write it as one, without @entrypoint.")
    if callable(found) and not isinstance(found, StateGraph | CompiledStateGraph):
        try:
            found = _made_by(found)
        except BrokenChain as error:
            raise BrokenChain(f"Chain {name!r}: {place.path} {error}") from error
        except (Exception, SystemExit) as error:  # the author's code again
            raise BrokenChain(f"Chain {name!r}: {place.path} fails when it is called: {reason(error)}.") from error
    if not isinstance(found, StateGraph | CompiledStateGraph):
        raise BrokenChain(f"Chain {name!r}: {place.path} is neither a Chain nor a LangGraph graph.")
    return found


def _made_by(factory: Callable[..., Any]) -> Any:
    """Called once, when the chain is registered, with no more than an empty config."""
    made = factory(*_arguments(factory))
    if inspect.isawaitable(made):
        made = _awaited(made)
    if hasattr(made, "__aenter__") or inspect.isasyncgen(made):
        raise BrokenChain(
            "is an async context manager: what it opens would end with its event loop. "
            "Return the graph from a plain function, and open things inside the nodes."
        )
    if isinstance(made, contextlib.AbstractContextManager):
        made = _opened.enter_context(made)
    return made


def _arguments(factory: Callable[..., Any]) -> list[Any]:
    needed = [
        parameter
        for parameter in inspect.signature(factory).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    if any("ServerRuntime" in str(each.annotation) or each.name == "runtime" for each in needed):
        raise BrokenChain("wants a server runtime, which there is only on the LangGraph server. Take a config instead.")
    if len(needed) > 1:
        names = ", ".join(parameter.name for parameter in needed)
        raise BrokenChain(f"wants {names}. A function that makes a graph takes nothing, or one config.")
    return [{"configurable": {}} for _ in needed]


def _awaited(made: Awaitable[Any]) -> Any:
    """On a loop of its own, in a thread of its own: this thread may be inside a loop already."""
    result: list[Any] = []
    failure: list[BaseException] = []

    async def wait() -> None:
        result.append(await made)

    def run() -> None:
        try:
            asyncio.run(wait())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="graph factory")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


def _bare(name: str, place: Place, made: Builder | Graph) -> Chain:
    """A graph without a description of its own: its input makes the form, its name the title."""
    builder = made.builder if isinstance(made, CompiledStateGraph) else made
    try:
        form = form_of(builder)
    except Exception as error:  # Pydantic has many, and a type may have its own
        raise BrokenChain(
            f"Chain {name!r}: no form can be made from its input: {reason(error)}. "
            "Use typing_extensions.TypedDict and JSON types, or register a Chain with an input_schema."
        ) from error

    def start(values: dict[str, Any], facts: Facts) -> dict[str, Any]:
        return form.start(values)

    return Chain(
        name=name,
        title=name.replace("_", " ").replace("-", " ").capitalize(),
        description=place.description,
        build=lambda context: made,
        input_schema=form.schema,
        start=start,
        title_for=form.title_for,
        multi_turn=form.has_message_box,
        next_turn=start if form.has_message_box else None,
    )
