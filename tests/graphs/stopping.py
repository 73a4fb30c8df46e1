"""prepare → pay → notify, compiled with static breakpoints. Every node leaves a line in the file its input names."""

import os
import signal
from pathlib import Path
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from tests.graphs.slow import note


class State(TypedDict, total=False):
    effects: str
    # The node that kills its own process, once for each file of that name.
    dies: str
    amount: int
    log: Annotated[list[str], lambda old, new: [*old, *new]]


def step(name: str) -> Any:
    def node(state: State) -> State:
        note({"effects": state["effects"]}, name)
        _die_once(state, name)
        return {"log": [name]}

    return node


def _die_once(state: State, name: str) -> None:
    died = Path(f"{state['effects']}.died")
    if state.get("dies") == name and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)


builder = StateGraph(State)
for previous, name in ((START, "prepare"), ("prepare", "pay"), ("pay", "notify")):
    builder.add_node(name, step(name))
    builder.add_edge(previous, name)
builder.add_edge("notify", END)

before = builder.compile(interrupt_before=["pay", "notify"])
after = builder.compile(interrupt_after=["prepare", "notify"])
everywhere = builder.compile(interrupt_before="*")

# Both run in one step; the breakpoint of one holds both.
parallel = StateGraph(State)
parallel.add_node("prepare", step("prepare"))
for name in ("pay", "notify"):
    parallel.add_node(name, step(name))
    parallel.add_edge("prepare", name)
    parallel.add_edge(name, END)
parallel.add_edge(START, "prepare")
side_by_side = parallel.compile(interrupt_before=["pay"])

outer = StateGraph(State)
outer.add_node("inside", builder.compile(interrupt_before=["pay"]))
outer.add_edge(START, "inside")
outer.add_edge("inside", END)
