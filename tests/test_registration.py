"""A chain is found by its import path, and one that is broken says so while the others go on."""

import sys
import uuid
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from approvals.opened import checkpointer
from chains.registry import BrokenChain, ChainContext, Facts, Graph, Registry, UnknownChain, load_chain
from chains.runner import Work, advance
from tests.written import GRAPH, Write

NOBODY = Facts(thread_id="1", user_id="1", user_name="rita")


def result(graph: Graph, **first: Any) -> dict[str, Any]:
    return dict(graph.invoke(first, {"configurable": {"thread_id": "1"}}))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import nowhere_at_all", "No module named 'nowhere_at_all'"),
        ("def broken(:", "SyntaxError"),
        ("1 / 0", r"ZeroDivisionError: division by zero \(.*\.py, line 1\)"),
        ("raise SystemExit('no key')", "SystemExit: no key"),
        ("", "has no attribute 'graph'"),
        ("graph = 7", "neither a Chain nor a LangGraph graph"),
        ("def graph(): raise KeyError('MODEL')", "fails when it is called: KeyError: 'MODEL'"),
        ("def graph(runtime): ...", "wants a server runtime"),
        ("def graph(config, model): ...", "wants config, model"),
        (
            """
            import contextlib
            @contextlib.asynccontextmanager
            async def graph():
                yield
            """,
            "is an async context manager",
        ),
        (
            """
            from langgraph.func import entrypoint
            @entrypoint()
            def graph(value): return value
            """,
            "without @entrypoint",
        ),
        (
            """
            from langgraph.graph import StateGraph
            from typing_extensions import TypedDict
            class Handle: ...
            class State(TypedDict):
                handle: Handle
            graph = StateGraph(State)
            """,
            "no form can be made from its input",
        ),
    ],
)
def test_a_broken_module_says_what_is_wrong_and_the_others_go_on(write: Write, source: str, sentence: str) -> None:
    file = write(source)
    found = Registry({"broken": f"{file}:graph", "slow": "tests.graphs.slow:graph"}, {})

    assert found.names() == ["slow"]
    with pytest.raises(BrokenChain, match=sentence):
        found.get("broken")
    with pytest.raises(UnknownChain):
        found.get("gone")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("builder = StateGraph(State)\nbuilder.add_edge('a', 'b')", "does not compile"),
    ],
)
def test_a_graph_no_worker_could_run_is_refused_when_it_is_compiled(write: Write, more: str, sentence: str) -> None:
    found = Registry({"mine": f"{write(GRAPH + more)}:builder"}, {})

    with pytest.raises(BrokenChain, match=sentence):
        found.compile("mine")


@pytest.mark.parametrize(
    "factory",
    [
        "def make(): return builder",
        "def make(config): return graph",
        "def make(config=None, *, deep=False): return graph",
        "async def make(config): return graph",
        "import contextlib\n@contextlib.contextmanager\ndef make():\n    yield graph\n    builder.nodes.clear()",
    ],
)
def test_a_function_may_make_the_graph(write: Write, factory: str) -> None:
    file = write(f"{GRAPH}\n{factory}\n")

    assert result(Registry({"mine": f"{file}:make"}, {}).compile("mine"), amount=1) == {"amount": 2}


KEPT = """
from langgraph.cache.memory import InMemoryCache
from langgraph.store.memory import InMemoryStore
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel
class Money(BaseModel):
    euros: int
class Purse(TypedDict, total=False):
    money: Money
    seen: str
def fill(state):
    return {"money": Money(euros=7)}
def look(state):
    return {"seen": type(state["money"]).__name__}
purse = StateGraph(Purse)
purse.set_node_defaults(error_handler=lambda state, error: {})
purse.add_node("fill", fill)
purse.add_node("look", look)
purse.add_edge(START, "fill")
purse.add_edge("fill", "look")
store, cache, own = InMemoryStore(), InMemoryCache(), InMemorySaver()
graph = purse.compile(own, store=store, cache=cache, name="purse", interrupt_before=["look"]).with_config(tags=["mine"])
"""


@pytest.mark.django_db(transaction=True)
def test_a_compiled_graph_keeps_everything_but_its_saver(write: Write) -> None:
    file = write(GRAPH + KEPT)
    found = Registry({"mine": f"{file}:graph"}, {})
    thread_id = str(uuid.uuid4())
    with checkpointer().hold(thread_id) as held:
        graph = found.compile("mine", held.saver)
        stopped = advance(graph, thread_id, Work("1", first={})).head.pending[0]
        # Another connection reads what a first one wrote, as after a pause: the state's own type comes back as itself.
        again = found.compile("mine", held.saver)
        assert advance(again, thread_id, Work("2", answers={stopped.key: True})).failure is None
        assert again.get_state({"configurable": {"thread_id": thread_id}}).values["seen"] == "Money"

    module = next(module for module in sys.modules.values() if getattr(module, "__file__", "") == str(file))
    assert (graph.store, graph.cache, graph.name) == (module.store, module.cache, "purse")
    assert graph.config is not None
    assert graph.config["tags"] == ["mine"]
    assert graph.interrupt_before_nodes == ["look"]
    assert isinstance(graph.checkpointer, BaseCheckpointSaver)
    assert not isinstance(graph.checkpointer, InMemorySaver)


OLD = """
from typing import Required, TypedDict
from langgraph.graph import START, StateGraph
class State(TypedDict, total=False):
    order: Required[str]
    amount: int
graph = StateGraph(State)
graph.add_node("only", lambda state: {})
graph.add_edge(START, "only")
"""


def test_a_typed_dict_of_typing_gets_its_form_all_the_same(write: Write) -> None:
    schema = load_chain("mine", f"{write(OLD)}:graph").input_schema

    assert (list(schema["properties"]), schema["required"]) == (["order", "amount"], ["order"])


def test_a_conversation_is_written_to_in_words(write: Write) -> None:
    file = write(
        """
        from langgraph.graph import START, MessagesState, StateGraph
        graph = StateGraph(MessagesState)
        graph.add_node("only", lambda state: {})
        graph.add_edge(START, "only")
        """
    )
    chain = load_chain("mine", f"{file}:graph")

    (field,) = chain.input_schema["properties"]
    assert chain.start({field: "Hello"}, NOBODY) == {"messages": [{"role": "user", "content": "Hello"}]}
    assert chain.next_turn is not None
    assert chain.multi_turn


def test_a_chain_may_name_its_own_model(write: Write) -> None:
    file = write(
        GRAPH
        + """
from chains.registry import Chain
built_with = []
def build(context):
    built_with.append(context.model)
    return builder
chain = Chain(name="mine", title="Mine", build=build, model="own:1")
"""
    )
    found = Registry({"mine": f"{file}:chain"}, {"mine": ChainContext(model="offline")})

    found.compile("mine")
    found.compile("mine", context=ChainContext(model="tried"))

    module = next(module for module in sys.modules.values() if getattr(module, "__file__", "") == str(file))
    assert module.built_with == ["own:1", "tried"]
