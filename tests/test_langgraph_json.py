"""A langgraph.json of one's own: its graphs, what they import, and what it sets."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from chains.registry import BadLanggraphJson, Registry, load_chain, read_langgraph_json
from tests.written import GRAPH, Write, langgraph_json


def registered(directory: Path, **content: Any) -> Registry:
    return Registry({}, {}, file=read_langgraph_json(langgraph_json(directory, **content)))


def test_both_ways_of_registering_work_together(write: Write, tmp_path: Path) -> None:
    file = write()
    found = Registry(
        {"slow": "tests.graphs.slow:graph"},
        {},
        file=read_langgraph_json(langgraph_json(tmp_path, graphs={"mine": f"./{file.name}:graph"})),
    )

    assert found.names() == ["slow", "mine"]
    assert found.compile("mine").invoke({"amount": 1}) == {"amount": 2}


def test_a_graph_may_be_an_object_with_a_description(write: Write, tmp_path: Path) -> None:
    graphs = {"mine": {"path": f"./{write().name}:graph", "description": "Adds one."}}

    assert registered(tmp_path, graphs=graphs).get("mine").description == "Adds one."


def test_dependencies_are_importable_and_never_shadow_what_is_installed(write: Write, tmp_path: Path) -> None:
    (tmp_path / "chains").mkdir()
    write("raise RuntimeError('the wrong chains')", name="chains/registry")
    file = write()
    found = registered(tmp_path, dependencies=["."], graphs={"mine": f"{file.stem}:graph"})

    assert found.names() == ["mine"]
    assert sys.path[-1] == str(tmp_path)
    assert load_chain("slow", "tests.graphs.slow:graph")


def test_a_file_of_a_dependency_is_the_module_its_relative_imports_expect(write: Write, tmp_path: Path) -> None:
    write("", name="agent_package/__init__")
    write(GRAPH, name="agent_package/graphs")
    write("from .graphs import graph", name="agent_package/entry")
    found = registered(tmp_path, dependencies=["."], graphs={"mine": "./agent_package/entry.py:graph"})

    assert found.names() == ["mine"], found.broken
    assert "agent_package.entry" in sys.modules


def test_the_module_of_a_lone_file_has_the_same_name_on_every_machine(tmp_path: Path) -> None:
    names = []
    for machine in ("one", "two"):
        (tmp_path / machine).mkdir()
        (tmp_path / machine / "lone.py").write_text(GRAPH)
        before = set(sys.modules)
        assert registered(tmp_path / machine, graphs={"mine": "./lone.py:graph"}).names() == ["mine"]
        (name,) = {name for name in set(sys.modules) - before if "lone" in name}
        del sys.modules[name]
        names.append(name)

    assert names[0] == names[1]


def test_env_is_set_but_never_against_what_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "set before")
    for name in ("YOURS", "THEIRS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / ".env").write_text("# a comment\nexport MINE=from file\nYOURS='a b'\n")

    registered(tmp_path, graphs={}, env=".env")
    registered(tmp_path, graphs={}, env={"THEIRS": "1", "MINE": "from mapping"})

    assert (os.environ["MINE"], os.environ["YOURS"], os.environ["THEIRS"]) == ("set before", "a b", "1")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read"),
        ("[]", "names no graphs"),
        ('{"graphs": []}', "names no graphs"),
        ('{"graphs": {"a": 1}}', "write the graph 'a' as"),
        ('{"graphs": {"a": {"description": "no path"}}}', "write the graph 'a' as"),
        ('{"graphs": {}, "dependencies": "."}', "write dependencies as a list"),
        ('{"graphs": {}, "dependencies": ["./nowhere"]}', "is not a directory"),
        ('{"graphs": {}, "env": "missing.env"}', "does not exist"),
        ('{"graphs": {}, "env": 1}', "write env as"),
    ],
)
def test_a_langgraph_json_that_cannot_be_used_says_why(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "langgraph.json").write_text(text)

    with pytest.raises(BadLanggraphJson, match=sentence):
        read_langgraph_json(tmp_path / "langgraph.json")


def test_a_name_that_is_given_twice_is_nobody_s(write: Write, tmp_path: Path) -> None:
    name = write().name
    file = langgraph_json(tmp_path, graphs={"slow": f"./{name}:graph"})
    both = Registry({"slow": "tests.graphs.slow:graph"}, {}, file=read_langgraph_json(file))
    file.write_text(f'{{"graphs": {{"mine": "./{name}:graph", "mine": "./other.py:graph", "fine": "./{name}:graph"}}}}')
    twice = Registry({}, {}, file=read_langgraph_json(file))

    assert "stands in HOLDPOINT_CHAINS and in" in str(both.broken["slow"])
    assert "langgraph.json twice" in str(twice.broken["mine"])
    assert (both.names(), twice.names()) == ([], ["fine"])
