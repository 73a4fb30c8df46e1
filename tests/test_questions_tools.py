"""The argument schemas of a graph's tools, found wherever the graph keeps them."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.tools import StructuredTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode

from chains.asking import Verdict
from chains.canonical import canonical_bytes
from chains.questions import BadAnswer, Reply, build_answer, read_question
from chains.registry import Graph
from chains.tools import tool_schemas

LINES = {
    "type": "object",
    "properties": {"line": {"$ref": "#/$defs/Line"}},
    "required": ["line"],
    "$defs": {"Line": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
}


@tool
def pay(amount: int, state: Annotated[dict[str, Any], InjectedState]) -> str:
    """Pay."""
    return f"{amount}"


@tool("pay")
def pay_otherwise(amount: float) -> str:
    """Pay."""
    return f"{amount}"


@tool
def call_back(then: Callable[[int], int]) -> str:
    """No JSON says what it takes."""
    return f"{then}"


add_line = StructuredTool(name="add_line", description="Add.", args_schema=LINES, func=lambda **given: str(given))


def graph_of(**nodes: Any) -> Graph:
    builder = StateGraph(MessagesState)
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(START, name)
    return builder.compile()


def test_a_tool_is_known_by_the_arguments_its_model_gives_it() -> None:
    schemas = tool_schemas(graph_of(tools=ToolNode([pay, add_line])))

    assert schemas["pay"]["properties"] == {"amount": {"title": "Amount", "type": "integer"}}
    assert canonical_bytes(schemas["add_line"]["$defs"]) == canonical_bytes(LINES["$defs"])


def test_the_tools_of_subgraphs_count_and_a_name_that_means_two_things_does_not() -> None:
    inner = graph_of(tools=ToolNode([pay_otherwise, add_line]))

    assert set(tool_schemas(graph_of(inside=inner))) == {"pay", "add_line"}
    assert set(tool_schemas(graph_of(inside=inner, tools=ToolNode([pay])))) == {"add_line"}
    assert set(tool_schemas(graph_of(inside=inner, tools=ToolNode([pay_otherwise])))) == {"pay", "add_line"}


def test_a_graph_without_tools_or_with_one_nobody_can_describe_has_no_schemas() -> None:
    assert tool_schemas(graph_of(plain=lambda state: state)) == {}
    assert tool_schemas(graph_of(tools=ToolNode([call_back]))) == {}


def test_an_edit_is_checked_by_a_schema_with_definitions_of_its_own() -> None:
    asked = {
        "action_requests": [{"name": "add_line", "args": {"line": {"n": 1}}}],
        "review_configs": [{"action_name": "add_line", "allowed_decisions": ["edit"]}],
    }
    question = read_question(asked, None, node="tools", tools=tool_schemas(graph_of(tools=ToolNode([add_line]))))

    answer = build_answer(question, [Reply(Verdict.EDIT, {"line": {"n": 2}})], payload_sha256="", reviewer="Nadia")

    assert answer["decisions"][0]["edited_action"]["args"] == {"line": {"n": 2}}
    with pytest.raises(BadAnswer, match=r"line\.n: '2' is not of type 'integer'"):
        build_answer(question, [Reply(Verdict.EDIT, {"line": {"n": "2"}})], payload_sha256="", reviewer="Nadia")
