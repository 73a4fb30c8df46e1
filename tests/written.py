"""Modules and files of langgraph.json that tests write for themselves."""

import itertools
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., Path]
GRAPH = """
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    amount: int


builder = StateGraph(State)
builder.add_node("only", lambda state: {"amount": state["amount"] + 1})
builder.add_edge(START, "only")
builder.add_edge("only", END)
graph = builder.compile()
"""
_names = itertools.count()


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    """Writes a module and gives its file; every module has a name of its own, and leaves nothing behind."""
    path, modules = list(sys.path), set(sys.modules)

    def write_module(source: str = GRAPH, *, name: str = "") -> Path:
        file = tmp_path / f"{name or f'written_{next(_names)}'}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(source))
        return file

    yield write_module
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def langgraph_json(directory: Path, **content: Any) -> Path:
    file = directory / "langgraph.json"
    file.write_text(json.dumps(content))
    return file
