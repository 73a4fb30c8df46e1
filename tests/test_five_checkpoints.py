"""Without a review a request leaves exactly five checkpoints, steps -1 to 3, on the saver that workers use."""

import uuid

import pytest

from approvals.opened import checkpointer
from chains.graphs.prompt_chain import chain
from chains.registry import ChainContext, Facts

pytestmark = pytest.mark.django_db


def test_a_request_without_review_leaves_five_checkpoints_in_postgresql() -> None:
    thread_id = str(uuid.uuid4())
    start = chain.start({"request": "Hello"}, Facts(thread_id, "1", "Rita"))
    with checkpointer().hold(thread_id) as held:
        graph = chain.build(ChainContext(options={"review": "never"})).compile(checkpointer=held.saver)
        graph.invoke(start, {"configurable": {"thread_id": thread_id}}, durability="sync")
        history = list(graph.get_state_history({"configurable": {"thread_id": thread_id}}))

    assert [state.metadata["step"] for state in history if state.metadata] == [3, 2, 1, 0, -1]
