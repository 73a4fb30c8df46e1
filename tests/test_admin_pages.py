"""The administration: every row can be found and read, and what can be done there goes through the same verbs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.test import Client

from approvals import decisions, threads
from approvals.models import (
    Effect,
    Event,
    EventKind,
    InterruptStatus,
    Outbox,
    Run,
    RunStatus,
    Thread,
    ThreadStatus,
    Verdict,
)
from tests.conftest import Cast, open_question, work_off
from tests.test_main_job import ballot

LISTS = ("thread", "run", "interrupt", "vote", "decision", "event", "effect", "outbox", "policy", "idempotencykey")
READ_ONLY = tuple(name for name in LISTS if name != "policy")


@pytest.fixture
def staff(cast: Cast, client: Client) -> Client:
    """Oscar, who operates, and may look at everything."""
    cast.oscar.is_staff = cast.oscar.is_superuser = True
    cast.oscar.save()
    client.force_login(cast.oscar)
    return client


@pytest.fixture
def told(paused: Thread, cast: Cast) -> Thread:
    """A thread with a row of every kind."""
    question = open_question(paused)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE, key="k"))
    run = Run.objects.filter(thread=paused).earliest("created_at")
    Effect.objects.create(thread=paused, run=run, key="k", name="pay <b>now</b>", node="n", is_idempotent=False)
    return paused


def rows_of(name: str) -> Iterator[str]:
    yield from (str(pk) for pk in apps.get_model("approvals", name).objects.values_list("pk", flat=True))


@pytest.mark.parametrize("name", LISTS)
def test_every_row_is_listed_found_and_shown(staff: Client, told: Thread, name: str) -> None:
    rows = list(rows_of(name))
    assert rows

    listed = staff.get(f"/admin/approvals/{name}/")
    assert listed.status_code == 200
    assert staff.get(f"/admin/approvals/{name}/?q={told.id}").status_code == 200
    shown = staff.get(f"/admin/approvals/{name}/{rows[0]}/change/", follow=name == "policy")
    assert shown.status_code == 200
    assert "pay <b>" not in listed.content.decode() + shown.content.decode()
    if name not in ("policy", "idempotencykey", "outbox"):
        assert f"/t/{told.id}/" in listed.content.decode()


@pytest.mark.parametrize("name", READ_ONLY)
def test_rows_cannot_be_made_changed_or_deleted(staff: Client, told: Thread, name: str) -> None:
    row = next(rows_of(name))

    assert staff.get(f"/admin/approvals/{name}/add/").status_code == 403
    assert staff.post(f"/admin/approvals/{name}/{row}/change/", {"status": "done"}).status_code == 403
    assert staff.post(f"/admin/approvals/{name}/{row}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in staff.get(f"/admin/approvals/{name}/").content.decode()


def act(client: Client, name: str, row: object, action: str, **fields: str) -> str:
    posted = {"action": action, "_selected_action": str(row), **fields}
    return client.post(f"/admin/approvals/{name}/", posted, follow=True).content.decode()


def events(thread: Thread, kind: EventKind) -> list[Event]:
    return list(Event.objects.filter(thread=thread, kind=kind))


def test_an_action_asks_for_a_reason_first(staff: Client, paused: Thread) -> None:
    asked = act(staff, "thread", paused.id, "end")
    assert "Reason, kept in the record with your name" in asked
    assert "Say why" in act(staff, "thread", paused.id, "end", apply="1", reason=" ")
    paused.refresh_from_db()
    assert paused.status == ThreadStatus.PAUSED

    assert "done for 1" in act(staff, "thread", paused.id, "end", apply="1", reason="Sent twice.")
    paused.refresh_from_db()
    assert paused.status == ThreadStatus.CANCELLED
    assert paused.interrupts.get().status == InterruptStatus.CANCELLED
    assert events(paused, EventKind.STOP_REQUESTED)[0].data["reason"] == "Sent twice."


def test_a_failed_thread_is_retried(staff: Client, cast: Cast, tmp_path: Path) -> None:
    thread = threads.submit(cast.rita, "failing", {"effects": str(tmp_path / "missing")})
    work_off(thread)
    (tmp_path / "missing").write_text("there")

    assert "done for 1" in act(staff, "thread", thread.id, "retry", apply="1", reason="Now there.")
    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE
    assert "Not done for" in act(staff, "thread", thread.id, "retry", apply="1", reason="Again.")


def test_a_pending_run_is_rung_for_again(staff: Client, submitted: Thread) -> None:
    run = Run.objects.get(thread=submitted)
    Outbox.objects.filter(key=str(run.id)).update(attempts=9, due_at="2099-01-01T00:00Z")

    assert "done for 1" in act(staff, "run", run.id, "requeue", apply="1", reason="Redis was away.")

    assert [row.attempts for row in Outbox.objects.due()] == [0]
    (event,) = events(submitted, EventKind.RUN_REQUESTED)
    assert (event.actor_name, event.data["requeued"]) == ("Oscar Lind", str(run.id))
    owed = Outbox.objects.get(key=str(run.id))
    assert "done for 1" in act(staff, "outbox", owed.id, "requeue", apply="1", reason="Once more.")
    work_off(submitted)
    assert "No worker is owed" in act(staff, "run", run.id, "requeue", apply="1", reason="Again.")


def test_stopping_a_run_ends_its_thread(staff: Client, submitted: Thread) -> None:
    run = Run.objects.get(thread=submitted)

    act(staff, "run", run.id, "stop", apply="1", reason="Wrong form.")

    run.refresh_from_db()
    submitted.refresh_from_db()
    assert (run.status, submitted.status) == (RunStatus.CANCELLED, ThreadStatus.CANCELLED)


def test_the_administration_gives_nobody_more_than_the_policy_does(
    cast: Cast, submitted: Thread, client: Client
) -> None:
    """Bob is staff and may look at rows, but he operates nothing."""
    permissions = apps.get_model("auth", "Permission").objects.filter(codename__startswith="view_")
    cast.bob.is_staff = True
    cast.bob.save()
    cast.bob.user_permissions.set(permissions)
    client.force_login(cast.bob)
    run = Run.objects.get(thread=submitted)

    assert "Only operators may ring a worker again" in act(client, "run", run.id, "requeue", apply="1", reason="So.")
    assert "Only the requester or an operator" in act(client, "thread", submitted.id, "end", apply="1", reason="So.")
    assert Event.objects.filter(thread=submitted).count() == 1


def test_too_many_at_once_are_refused(staff: Client, cast: Cast, paused: Thread) -> None:
    Thread.objects.bulk_create(
        Thread(chain="slow", chain_version="1", title=str(n), input={}, requested_by_name="R") for n in range(101)
    )
    everything = {"select_across": "1", "apply": "1", "reason": "All."}

    assert "Choose at most 100" in act(staff, "thread", paused.id, "end", **everything)
    assert not Thread.objects.filter(status=ThreadStatus.CANCELLED).exists()
