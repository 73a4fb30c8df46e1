"""One graph for each format a question can be in; each keeps in its log exactly what it was resumed with."""

import json
from typing import Annotated, Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from chains.asking import Verdict, ask_human

REFUND = {"order": "ORD-48213", "amount": 40, "lines": [{"sku": "L-1", "price": 12.5}], "urgent": False}
MAIL = {"to": "marta@example.org", "text": "Grüße 👋"}
FREE = (None, True, 3, 2.5, "Which colour?", [1, "a", None], {"question": "How many?", "of": {"at": 1}})
ADDRESS = {
    "type": "object",
    "properties": {"street": {"type": "string", "minLength": 1}, "floor": {"type": "integer"}},
    "required": ["street"],
    "additionalProperties": False,
}
REFUND_SCHEMA = {
    "type": "object",
    "properties": {
        "order": {"type": "string", "pattern": "^ORD-"},
        "amount": {"type": "number", "minimum": 0, "multipleOf": 0.01},
        "lines": {"type": "array"},
        "urgent": {"type": "boolean"},
    },
    "required": ["order", "amount"],
    "additionalProperties": False,
}


class State(TypedDict, total=False):
    log: Annotated[list[Any], lambda old, new: [*old, *new]]


class Choice(BaseModel):
    colour: Literal["red", "green"]
    pieces: int = Field(ge=1, le=10)


def request(action: str, args: dict[str, Any], *, description: str = "", **config: bool) -> dict[str, Any]:
    """A HumanInterrupt; flags that are not named are false."""
    flags = {f"allow_{flag}": config.get(flag, False) for flag in ("ignore", "respond", "edit", "accept")}
    asked: dict[str, Any] = {"action_request": {"action": action, "args": args}, "config": flags}
    return {**asked, "description": description} if description else asked


REQUEST = request("issue_refund", REFUND, description="A refund.", accept=True, edit=True, respond=True, ignore=True)
OTHER = request("send_mail", MAIL, accept=True, ignore=True)
SNAKE: dict[str, list[Any]] = {
    "action_requests": [
        {"name": "issue_refund", "args": REFUND, "description": "A refund."},
        {"name": "send_mail", "args": MAIL},
        {"name": "issue_refund", "args": {**REFUND, "amount": 7}},
    ],
    "review_configs": [
        {"action_name": "issue_refund", "allowed_decisions": ["approve", "edit", "reject", "respond"]},
        {"action_name": "send_mail", "allowed_decisions": ["approve", "reject"]},
        {"action_name": "issue_refund", "allowed_decisions": ["reject", "edit"]},
    ],
}
CAMEL: dict[str, list[Any]] = {
    "actionRequests": [
        {"name": "issue_refund", "args": REFUND, "description": "A refund."},
        {"name": "send_mail", "args": MAIL},
    ],
    "reviewConfigs": [
        {
            "actionName": "issue_refund",
            "allowedDecisions": ["approve", "edit", "reject"],
            "argsSchema": REFUND_SCHEMA,
        },
        {"actionName": "send_mail", "allowedDecisions": ["approve", "reject"]},
    ],
}


def _asks(*values: Any) -> StateGraph[State]:
    """One node that asks all of these, one after the other."""
    return _one_node(lambda state: {"log": [interrupt(value) for value in values]})


def _one_node(node: Any) -> StateGraph[State]:
    builder = StateGraph(State)
    builder.add_node("ask", node)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder


def _bound(state: State) -> State:
    answer = ask_human(
        action="issue_refund",
        title="Refund 40 EUR",
        description="Two lamps arrived broken.",
        arguments=REFUND,
        arguments_schema=REFUND_SCHEMA,
    )
    return {"log": [[answer.verdict.value, answer.arguments, answer.message, answer.reviewer]]}


def _narrow(state: State) -> State:
    answer = ask_human(action="send_mail", title="Send", arguments=MAIL, allowed=[Verdict.APPROVE, Verdict.REJECT])
    return {"log": [[answer.verdict.value, answer.arguments, answer.message, answer.reviewer]]}


def _choice(state: State) -> State:
    answer = interrupt({"question": "Which and how many?"}, response_schema=Choice)
    return {"log": [type(answer).__name__, answer.model_dump(mode="json")]}


def _work(state: State) -> State:
    return {"log": ["worked"]}


bound = _one_node(_bound)
bound_narrow = _one_node(_narrow)
legacy_object = _asks(REQUEST)
legacy_list = _asks([REQUEST])
legacy_several = _asks([REQUEST, OTHER])
legacy_text = _asks(json.dumps(REQUEST, indent=1))
legacy_text_list = _asks(json.dumps([OTHER]))
batch_snake = _asks(SNAKE)
batch_camel = _asks(CAMEL)
batch_broken = _asks({**SNAKE, "review_configs": SNAKE["review_configs"][:1]})
schema_dict = _one_node(lambda state: {"log": [interrupt("Where to?", response_schema=ADDRESS)]})
schema_model = _one_node(_choice)
free = _asks(*FREE)

_stopping = StateGraph(State)
for _previous, _name in ((START, "prepare"), ("prepare", "act")):
    _stopping.add_node(_name, _work)
    _stopping.add_edge(_previous, _name)
_stopping.add_edge("act", END)
breakpoint_before = _stopping.compile(interrupt_before=["act"])
breakpoint_after = _stopping.compile(interrupt_after=["prepare"])
