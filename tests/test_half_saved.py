"""A worker killed after a subgraph has saved its question, and before its parent has: nobody may answer that yet."""

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from chains.heads import HeadStatus, read_head
from chains.registry import Graph
from chains.runner import Work, advance
from tests.graphs.together import in_subgraph


@pytest.fixture
def saver() -> InMemorySaver:
    return InMemorySaver()


@pytest.fixture
def graph(saver: InMemorySaver) -> Graph:
    return in_subgraph.compile(checkpointer=saver)


def test_it_counts_as_unfinished_and_is_asked_once_its_parent_has_saved_too(graph: Graph, saver: InMemorySaver) -> None:
    advance(graph, "t", Work(run_id="1", first={}))
    forget_what_the_parent_saved(saver)

    head = read_head(graph, "t")
    assert head.status is HeadStatus.UNFINISHED

    again = advance(graph, "t", Work(run_id="1")).head
    assert again.status is HeadStatus.WAITING
    ended = advance(graph, "t", Work(run_id="2", answers={again.pending[0].key: "yes"}))
    assert (ended.failure, ended.head.status) == (None, HeadStatus.FINISHED)


def forget_what_the_parent_saved(saver: InMemorySaver) -> None:
    """The writes of the outermost graph, which LangGraph stores after those of the subgraph."""
    writes: dict[Any, Any] = saver.writes
    outer = [key for key in writes if key[1] == ""]
    assert outer
    for key in outer:
        del writes[key]
