"""What must not be so keeps a worker from starting, and doctor says what to do about it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from langgraph.graph import START, StateGraph
from structlog.testing import capture_logs

from approvals import execution
from approvals.execution import checks
from approvals.models import Interrupt, Thread
from approvals.opened import checkpointer, own_dsn, registry
from chains.checkpointers import PostgresCheckpointer
from chains.registry import ChainContext, Registry
from tests.conftest import Cast
from tests.graphs import slow

pytestmark = pytest.mark.django_db


def doctor() -> str:
    said = StringIO()
    call_command("doctor", stdout=said)
    return said.getvalue()


def refusal() -> str:
    with pytest.raises(execution.NotFit) as refused:
        execution.refuse_unfit()
    return str(refused.value)


def test_a_healthy_installation_passes() -> None:
    assert "FAIL" not in doctor()
    execution.refuse_unfit()


def test_an_old_release_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checks.FLOORS, "langgraph", "99")

    assert "langgraph is" in refusal()
    with pytest.raises(CommandError):
        doctor()


@contextmanager
def changed(there: LiteralString, back: LiteralString) -> Iterator[None]:
    """For everybody to see, since the checkpoints have connections of their own."""
    with psycopg.connect(own_dsn(), autocommit=True) as direct:
        direct.execute(there)
        try:
            yield
        finally:
            direct.execute(back)


def test_missing_checkpoint_tables_are_refused() -> None:
    with changed("ALTER TABLE checkpoints RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO checkpoints"):
        assert "Run manage.py checkpoints setup" in refusal()


def test_tables_of_an_older_langgraph_are_refused() -> None:
    newest = "(SELECT max(v) FROM checkpoint_migrations)"
    with changed(
        f"DELETE FROM checkpoint_migrations WHERE v = {newest}",
        f"INSERT INTO checkpoint_migrations SELECT {newest} + 1",
    ):
        assert "of an older LangGraph" in refusal()


def test_an_unfinished_index_is_refused_and_setting_up_finishes_it() -> None:
    mark = "UPDATE pg_index SET indisvalid = {} WHERE indexrelid = 'checkpoints_thread_id_idx'::regclass"
    with changed(mark.format("false"), mark.format("true")):
        assert "checkpoints_thread_id_idx was left unfinished" in refusal()
        execution.set_up_checkpoints()
        execution.refuse_unfit()


def test_a_lock_that_does_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a transaction pooler: every statement may reach the same server connection."""
    shared = PostgresCheckpointer._connect(checkpointer())

    class Pooled:
        def __enter__(self) -> object:
            return shared

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(PostgresCheckpointer, "_connect", lambda self: Pooled())
    try:
        assert "thread lock does not hold" in refusal()
    finally:
        shared.close()


def test_a_broken_chain_is_named_and_the_others_go_on(settings, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    settings.HOLDPOINT_CHAINS = {"slow": "tests.graphs.slow:graph", "lost": "nowhere:graph"}
    found = Registry(settings.HOLDPOINT_CHAINS, {"slow": ChainContext()})
    monkeypatch.setattr(checks, "registry", lambda: found)

    said = doctor()

    assert (
        "warn  chains             The chain lost cannot be used: Chain 'lost': nowhere:graph cannot be imported" in said
    )
    assert "The chain slow compiles" in said
    assert registry().names()


@pytest.fixture
def reopen() -> Iterator[Callable[[], None]]:
    """Forgets the chains and the graphs compiled of them, so that the settings are read again; and after the test."""

    def forget() -> None:
        registry.cache_clear()
        checkpointer().close()

    yield forget
    forget()


def test_threads_whose_chain_or_node_is_gone_are_named(paused: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Every thread that waits has its chain and its node." in doctor()

    with monkeypatch.context() as patch:
        patch.setattr(checks, "registry", lambda: Registry({}, {}))
        assert "1 unfinished of the chain prompt_chain, which is not registered" in doctor()
    elsewhere = StateGraph(slow.State)
    elsewhere.add_node("renamed", slow.work)
    elsewhere.add_edge(START, "renamed")
    with monkeypatch.context() as patch:
        patch.setitem(registry()._builders, "prompt_chain", elsewhere)
        said = doctor()

    assert (
        "1 of the chain prompt_chain, started on version 1, at the node review, which its graph no longer has" in said
    )


def test_a_question_of_a_subgraph_waits_at_the_node_that_runs_it(paused: Thread) -> None:
    Interrupt.objects.filter(thread=paused).update(namespace="process:7f|deep:8a", node="inner")
    assert "Every thread that waits has its chain and its node." in doctor()

    Interrupt.objects.filter(thread=paused).update(namespace="gone:7f|process:8a")
    assert "at the node gone, which its graph no longer has" in doctor()


def test_a_langgraph_json_that_cannot_be_used_is_named_and_keeps_no_worker(
    settings: Any, reopen: Callable[[], None], tmp_path: Path
) -> None:
    settings.HOLDPOINT_LANGGRAPH_JSON = str(tmp_path / "langgraph.json")
    reopen()

    said = doctor()
    execution.refuse_unfit()

    assert "None of the chains of HOLDPOINT_LANGGRAPH_JSON is here" in said
    assert "The chain prompt_chain compiles" in said


def test_the_chains_of_a_langgraph_json_are_those_of_the_installation(
    settings: Any, reopen: Callable[[], None]
) -> None:
    settings.HOLDPOINT_LANGGRAPH_JSON = str(Path(__file__).parent.parent / "docs" / "template" / "langgraph.json")
    settings.HOLDPOINT_MODEL = "ollama:small"
    reopen()

    found = registry()

    assert {"prompt_chain", "refunds"} <= set(found.names())
    assert found.context("refunds").model == "ollama:small"


def test_a_worker_s_log_names_what_does_not_keep_it_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "registry", lambda: Registry({"lost": "nowhere:graph"}, {}))

    with capture_logs() as told:
        execution.refuse_unfit()

    assert any("nowhere:graph cannot be imported" in str(line) for line in told)


def test_pages_show_a_broken_chain_by_its_name(
    client: Client, cast: Cast, paused: Thread, settings: Any, reopen: Callable[[], None]
) -> None:
    settings.HOLDPOINT_CHAINS = {"prompt_chain": "nowhere:graph"}
    reopen()
    client.force_login(cast.alice)

    queue, thread, form = client.get("/queue/"), client.get(f"/t/{paused.id}/"), client.get("/new/prompt_chain/")

    assert (queue.status_code, thread.status_code, form.status_code) == (200, 200, 404)
    assert "cannot be imported" in thread.content.decode()
