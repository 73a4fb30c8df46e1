"""A graph that makes outside calls through effect(): each call leaves a line in the file its input names."""

import os
from pathlib import Path
from typing import Annotated, Any

from langgraph.types import interrupt
from typing_extensions import TypedDict

from chains.effects import NotDone, effect
from tests.graphs.awkward import one_node


class State(TypedDict, total=False):
    calls: str
    how: str
    idempotent: bool
    log: Annotated[list[Any], lambda old, new: [*old, *new]]


def pay(state: State) -> State:
    """`how` is read from a file at each call, so that a test can change what the world does: well, lost, refused."""
    receipt = effect("pay", lambda key: _call(state, key), idempotent=state.get("idempotent", False))
    return {"log": [receipt]}


def pay_then_ask(state: State) -> State:
    """A node that asks after its call, which no author should write, runs its call's line again on the resume."""
    receipt = effect("pay", lambda key: _call(state, key))
    return {"log": [receipt, interrupt("Go on?")]}


def _call(state: State, key: str) -> dict[str, str]:
    how = Path(state["how"]).read_text()
    if how == "refused":
        raise NotDone("The shop is closed.")
    with open(state["calls"], "a") as file:
        file.write(f"{key}\n")
    if how == "killed":
        os.kill(os.getpid(), 9)
    if how == "lost":
        raise ConnectionError("No answer.")
    return {"receipt": key[:8]}


paying = one_node(pay, State)
paying_then_asking = one_node(pay_then_ask, State)
