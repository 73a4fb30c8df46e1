"""What a graph shows while it works becomes small bounded signs, and costs the graph nothing."""

import threading
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from chains.graphs.prompt_chain import chain
from chains.progress import LONGEST_LABEL, LONGEST_TEXT, Ending, NodeEnded, NodeStarted, Progress, Sign, Signs, Text
from chains.registry import ChainContext, Facts
from chains.runner import Outcome, Work, advance
from tests.graphs.streaming import PieceByPiece, builder
from tests.openai_stub import openai_stub


class State(TypedDict, total=False):
    said: list[AIMessage]


def run(graph: Any, first: dict[str, Any], **options: Any) -> tuple[list[Sign], Outcome]:
    signs: list[Sign] = []
    compiled = graph.compile(checkpointer=InMemorySaver())
    return signs, advance(compiled, "1", Work("1", first=first), on_progress=signs.append, **options)


def one_node(node: Any) -> Any:
    return StateGraph(State).add_node("node", node).add_edge(START, "node").add_edge("node", END)


def test_nodes_begin_and_end_around_what_they_show() -> None:
    signs, outcome = run(builder, {"pieces": ["a ", "b"]})

    assert outcome.failure is None
    assert [(type(sign).__name__, sign.path) for sign in signs] == [
        ("NodeStarted", ("count",)),
        *[("Progress", ("count",))] * 4,
        ("NodeEnded", ("count",)),
        ("NodeStarted", ("write",)),
        *[("Text", ("write",))] * 2,
        ("NodeEnded", ("write",)),
        ("NodeStarted", ("close",)),
        ("NodeEnded", ("close",)),
    ]
    assert "".join(sign.text for sign in signs if isinstance(sign, Text)) == "a b"
    assert [sign.done for sign in signs if isinstance(sign, Progress)] == [1, 2, 3, 4]


def test_a_nodes_end_tells_whether_it_asks_or_failed() -> None:
    def fail(state: State) -> State:
        raise ValueError("no")

    def ask(state: State) -> State:
        interrupt("Go on?")
        return {}

    assert [sign.ending for sign in run(one_node(fail), {})[0] if isinstance(sign, NodeEnded)] == [Ending.FAILED]
    assert [sign.ending for sign in run(one_node(ask), {})[0] if isinstance(sign, NodeEnded)] == [Ending.ASKS]


def test_text_of_a_subgraph_names_the_way_to_it() -> None:
    def write(state: State) -> State:
        PieceByPiece(pieces=["x"]).invoke("Write.")
        return {}

    signs, _ = run(one_node(one_node(write).compile()), {})

    assert [sign.path for sign in signs if isinstance(sign, Text)] == [("node", "node")]
    assert [sign.path for sign in signs if isinstance(sign, NodeStarted)] == [("node",), ("node", "node")]


def test_a_text_that_was_streamed_is_not_told_again_as_a_message() -> None:
    def stream(state: State) -> State:
        return {"said": [AIMessage(PieceByPiece(pieces=["a", "b"]).invoke("Write.").text)]}

    def say(state: State) -> State:
        return {"said": [AIMessage("whole")]}

    assert [sign.text for sign in run(one_node(stream), {})[0] if isinstance(sign, Text)] == ["a", "b"]
    assert [sign.text for sign in run(one_node(say), {})[0] if isinstance(sign, Text)] == ["whole"]


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"done": 3, "total": 12, "label": "Pages"}, [(3, 12, "Pages")]),
        ({"done": 13, "total": 12}, [(12, 12, "")]),
        ({"done": 3}, [(3, None, "")]),
        ("Reading", [(None, None, "Reading")]),
        ({"label": "a\n\x00b" + "x" * 9_999}, None),
        ({"done": float("nan"), "total": float("inf"), "label": "n"}, [(None, None, "n")]),
        ({"done": -1, "total": 0, "label": "n"}, [(None, None, "n")]),
        ({"done": True, "total": "12", "label": "n"}, [(None, None, "n")]),
        ({"done": 10**400, "label": "n"}, [(None, None, "n")]),
        ({"secret": "state"}, []),
        (object(), []),
        (None, []),
    ],
)
def test_progress_is_checked_and_bounded(told: Any, shown: list[Any] | None) -> None:
    def count(state: State) -> State:
        get_stream_writer()(told)
        return {}

    signs, outcome = run(one_node(count), {})

    found = [(sign.done, sign.total, sign.label) for sign in signs if isinstance(sign, Progress)]
    assert outcome.failure is None
    assert all(len(label) <= LONGEST_LABEL and "\n" not in label for _, _, label in found)
    assert found == shown if shown is not None else len(found) == 1


def test_text_is_bounded_and_can_be_sent() -> None:
    about = {"langgraph_node": "n" * 9_999, "langgraph_checkpoint_ns": "n:1"}
    chunk = AIMessageChunk(content="\ud83d" + "x" * 1_000_000, id="i" * 9_999)

    (text,) = [sign for sign in Signs().of((), "messages", (chunk, about)) if isinstance(sign, Text)]

    assert len(text.text) == LONGEST_TEXT
    assert len(text.message_id) == len(text.path[0]) == 100
    text.text.encode()
    assert not list(Signs().of((), "messages", (HumanMessage("not the model's"), about)))


def test_a_model_on_a_server_of_ones_own_streams_and_still_tells_its_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    with openai_stub() as stub:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        draft = chain.build(ChainContext(model="openai:gpt-5-mini", options={"review": "never"}))
        first = chain.start({"request": "Hello, where is order 55510?"}, Facts("1", "7", "Priya Sen"))
        signs, outcome = run(draft, dict(first))

    assert outcome.failure is None
    assert all(asked["stream"] for asked in stub.requests)
    assert len([sign for sign in signs if isinstance(sign, Text)]) > 3
    ((sent, got),) = outcome.usage.values()
    assert min(sent, got) > 0


def test_a_graph_that_runs_one_node_at_a_time_does_not_hang() -> None:
    compiled = builder.compile(checkpointer=InMemorySaver()).with_config({"max_concurrency": 1})
    signs: list[Sign] = []
    outcomes: list[Outcome] = []

    def go() -> None:
        outcomes.append(advance(compiled, "1", Work("1", first={"pieces": ["a"]}), on_progress=signs.append))

    at_work = threading.Thread(target=go, daemon=True)
    at_work.start()
    at_work.join(timeout=10)

    assert outcomes, "it hangs"
    assert outcomes[0].failure is None
    assert [sign.path for sign in signs if isinstance(sign, NodeStarted)] == [("count",), ("write",), ("close",)]


def test_a_listener_that_fails_does_not_fail_the_run(caplog: pytest.LogCaptureFixture) -> None:
    def fail(sign: Sign) -> None:
        raise RuntimeError("a bug of ours")

    compiled = builder.compile(checkpointer=InMemorySaver())

    assert advance(compiled, "1", Work("1", first={"pieces": ["a"]}), on_progress=fail).failure is None
    assert "could not be told" in caplog.text


def test_on_step_is_told_of_the_nodes_of_the_outermost_graph() -> None:
    steps: list[str] = []

    run(one_node(one_node(lambda state: {}).compile()), {}, on_step=steps.append)

    assert steps == ["node"]
