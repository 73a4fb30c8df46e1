"""What the tools of a graph take: the JSON Schema of each one's arguments, as its model sees them."""

from collections.abc import Iterator
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel
from pydantic import BaseModel
from pydantic.errors import PydanticUserError

from chains.registry import Graph


def tool_schemas(graph: Graph) -> dict[str, dict[str, Any]]:
    """By the tool's name, subgraphs included. A name that stands for two different tools is left out: nobody could
    say which of them a question means.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for tool in _tools(graph):
        schemas = found.setdefault(tool.name, [])
        schema = _schema(tool)
        if schema not in schemas:
            schemas.append(schema)
    return {name: schemas[0] for name, schemas in found.items() if len(schemas) == 1 and schemas[0]}


def _tools(graph: Graph) -> Iterator[BaseTool]:
    inner = [subgraph for _, subgraph in graph.get_subgraphs(recurse=True)]
    for part in [graph, *inner]:
        for node in part.nodes.values() if isinstance(part, Pregel) else ():
            if isinstance(node.bound, ToolNode):
                yield from node.bound.tools_by_name.values()


def _schema(tool: BaseTool) -> dict[str, Any]:
    """Without the arguments the graph itself fills in; empty where the tool has none that can be written down."""
    try:
        schema: Any = tool.tool_call_schema
        if isinstance(schema, dict):
            return schema
        return schema.model_json_schema() if issubclass(schema, BaseModel) else {}
    except PydanticUserError:
        return {}
