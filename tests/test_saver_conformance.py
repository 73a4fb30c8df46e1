"""The saver a worker writes through keeps LangGraph's own published contract for savers."""

import uuid
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate

from approvals.opened import checkpointer
from tests.backends import BACKENDS, ELSEWHERE, OWN, SCHEMA, keeping, options_for, setting_for
from tests.waiting import run_apart

pytestmark = pytest.mark.django_db
METHODS = ("put", "put_writes", "get_tuple", "list", "delete_thread")
# LangGraph's own savers can do no more: none has copy_thread or delete_for_runs, and only PostgreSQL's prunes.
BEYOND = {OWN: ("prune",), SCHEMA: ("prune",), ELSEWHERE: ("prune",)}


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
    methods = {f"a{name}": plain(name) for name in (*METHODS, "prune")} | {"alist": alist}
    saver.__class__ = type(f"Awaited{kind.__name__}", (kind,), methods)
    return saver


@pytest.fixture(params=BACKENDS)
def kind(request: pytest.FixtureRequest, db: None, tmp_path: Path) -> Iterator[str]:
    with setting_for(request.param, tmp_path) as setting, keeping(setting, **options_for(request.param, tmp_path)):
        yield request.param


@pytest.mark.parametrize("whose", ["of a worker", "of pages"])
def test_every_saver_that_is_opened_conforms(kind: str, whose: str) -> None:
    """One that cannot do what the suite asks for is not let off: `all_of_them` says which it can."""
    all_of_them = (*METHODS, *BEYOND.get(kind, ()))
    holds = whose == "of a worker"
    with checkpointer().hold(str(uuid.uuid4())) if holds else checkpointer().read() as found:
        saver, own_class = found.saver, type(found.saver)

        async def opened() -> AsyncGenerator[BaseCheckpointSaver[Any], None]:
            yield awaited(saver)

        report = run_apart(validate(checkpointer_test(name=kind)(opened), capabilities=set(all_of_them)))
        saver.__class__ = own_class

    assert [line for result in report.results.values() for line in result.failures] == []
    passed = {name: result.passed for name, result in report.results.items() if name in all_of_them}
    assert passed == dict.fromkeys(all_of_them, True)
