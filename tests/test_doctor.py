"""What must not be so keeps a worker from starting, and doctor says what to do about it."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from approvals import execution
from approvals.execution import checks
from approvals.opened import registry
from chains.checkpointers import PostgresCheckpointer
from chains.registry import ChainContext, Registry

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


def test_missing_checkpoint_tables_are_refused() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE checkpoints RENAME TO elsewhere")
        assert "Run manage.py setup_checkpoints" in refusal()
        transaction.set_rollback(True)


def test_an_unfinished_index_is_refused() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'checkpoints_pkey'::regclass")
        assert "checkpoints_pkey was left unfinished" in refusal()
        transaction.set_rollback(True)


def test_a_lock_that_does_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a transaction pooler: every statement may reach the same server connection."""
    shared = PostgresCheckpointer._connect(checks.checkpointer())

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
