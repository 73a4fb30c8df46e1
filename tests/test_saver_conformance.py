"""The saver a worker writes through keeps LangGraph's own published contract for savers."""

import uuid
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate

from approvals.opened import checkpointer
from tests.waiting import run_apart

pytestmark = pytest.mark.django_db(transaction=True)
METHODS = ("put", "put_writes", "get_tuple", "list", "delete_thread", "prune")


def awaited(saver: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
    """The suite awaits; a worker does not. Each awaited method is the plain one of the saver under test."""

    def plain(name: str) -> Any:
        async def call(self: Any, *args: Any, **options: Any) -> Any:
            return getattr(self, name)(*args, **options)

        return call

    async def alist(self: Any, *args: Any, **options: Any) -> Any:
        for found in list(self.list(*args, **options)):
            yield found

    kind = type(saver)
    methods = {f"a{name}": plain(name) for name in METHODS} | {"alist": alist}
    saver.__class__ = type(f"Awaited{kind.__name__}", (kind,), methods)
    return saver


@pytest.fixture(params=["of a worker", "of pages"])
def saver(request: pytest.FixtureRequest) -> Iterator[BaseCheckpointSaver[Any]]:
    holds = request.param == "of a worker"
    with checkpointer().hold(str(uuid.uuid4())) if holds else checkpointer().read() as opened:
        kind = type(opened.saver)
        yield awaited(opened.saver)
        opened.saver.__class__ = kind


def test_every_saver_that_is_opened_conforms(saver: BaseCheckpointSaver[Any]) -> None:
    async def opened() -> AsyncGenerator[BaseCheckpointSaver[Any], None]:
        yield saver

    registered = checkpointer_test(name="PostgreSQL")(opened)
    report = run_apart(validate(registered, capabilities=set(METHODS)))

    failures = [line for result in report.results.values() for line in result.failures]
    assert failures == []
    assert {name: result.passed for name, result in report.results.items() if name in METHODS} == dict.fromkeys(
        METHODS, True
    )
