"""Retention that runs by itself: at its hour, for a while, one process at a time, of the chains that have one."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils import timezone

from approvals import retention
from approvals.execution import keeping
from approvals.execution.keeping import stepping
from approvals.models import Event, EventKind, Removal, Retention, RetentionNight, Thread, ThreadStatus
from approvals.models.event import DESK
from approvals.opened import checkpointer
from approvals.sweeping import Sweeper
from tests import keeping_desk as desk
from tests.conftest import Cast

NIGHT = datetime.now(UTC).replace(hour=2, minute=10, second=0, microsecond=0) + timedelta(days=1)


@pytest.fixture(autouse=True)
def at_night(settings: Any, db: None) -> None:
    settings.HOLDPOINT_RETENTION = True


@pytest.fixture
def kept() -> Retention:
    return Retention.objects.create(chain="prompt_chain", days=7, keep_latest=False)


def lines(kind: EventKind) -> list[dict[str, Any]]:
    return list(Event.objects.filter(thread_id=DESK, kind=kind).order_by("seq").values_list("data", flat=True))


def test_a_night_removes_what_is_old_of_chains_that_say_so(cast: Cast, kept: Retention) -> None:
    old, young, other = desk.finished(cast), desk.finished(cast, days=1), desk.finished(cast, "nested")
    failed = desk.aged(desk.finished(cast), desk.DAYS, ThreadStatus.DONE)
    Thread.objects.filter(id=failed.id).update(status=ThreadStatus.FAILED)

    retention.sweep(now=NIGHT)

    assert [count > 0 for count in desk.left(old, young, other, failed)] == [False, True, True, True]
    assert desk.removals(old)[0]["why"] == "Retention of prompt_chain: 7 days."
    night = RetentionNight.objects.get()
    assert night.ended_at is not None
    assert lines(EventKind.RETENTION_RAN) == [
        {
            "night": str(NIGHT.date()),
            "threads": 1,
            "checkpoints": desk.removals(old)[0]["removed"],
            "left": 0,
            "in_time": True,
        }
    ]
    retention.sweep(now=NIGHT)
    assert len(lines(EventKind.RETENTION_RAN)) == 1


def test_nothing_happens_by_day_nor_when_it_is_off(cast: Cast, kept: Retention, settings: Any) -> None:
    old = desk.finished(cast)

    retention.sweep(now=NIGHT.replace(hour=1, minute=59))
    retention.sweep(now=NIGHT.replace(hour=3, minute=0))
    settings.HOLDPOINT_RETENTION = False
    retention.sweep(now=NIGHT)

    assert desk.left(old)[0] > 1
    assert not RetentionNight.objects.exists()


@pytest.mark.parametrize(
    ("zone", "hour", "minutes", "moment", "day"),
    [
        ("UTC", 2, 60, "2026-11-22T02:00+00:00", "2026-11-22"),
        ("UTC", 2, 60, "2026-11-22T03:00+00:00", None),
        ("UTC", 23, 120, "2026-11-23T00:30+00:00", "2026-11-22"),
        ("UTC", 23, 120, "2026-11-23T01:00+00:00", None),
        ("Europe/Berlin", 2, 60, "2026-11-22T01:30+00:00", "2026-11-22"),
        ("Europe/Berlin", 2, 60, "2026-11-22T02:30+00:00", None),
        ("America/Los_Angeles", 22, 60, "2026-11-22T06:10+00:00", "2026-11-21"),
    ],
)
def test_a_night_is_of_the_place_where_people_are(
    zone: str, hour: int, minutes: int, moment: str, day: str | None, settings: Any
) -> None:
    settings.TIME_ZONE, settings.HOLDPOINT_RETENTION_HOUR, settings.HOLDPOINT_RETENTION_MINUTES = zone, hour, minutes

    found = retention.night_of(datetime.fromisoformat(moment))

    assert (str(found) if found else None) == day


def test_a_night_with_too_little_time_goes_on_at_the_next(
    cast: Cast, kept: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [desk.finished(cast, days=desk.DAYS - place) for place in range(3)]
    monkeypatch.setattr(retention, "TURN_SECONDS", 0)
    monkeypatch.setattr("approvals.execution.keeping.stepping._next", one_at_a_time())

    retention.sweep(now=NIGHT)
    assert [count > 0 for count in desk.left(*old)] == [False, True, True]
    retention.sweep(now=NIGHT)
    assert [count > 0 for count in desk.left(*old)] == [False, False, True]
    retention.sweep(now=NIGHT + timedelta(days=1))

    assert desk.left(*old) == [0, 0, 0]
    assert [line["in_time"] for line in lines(EventKind.RETENTION_RAN)] == [False]
    assert RetentionNight.objects.get(day=NIGHT.date()).ended_at is not None


def one_at_a_time() -> Any:
    whole = stepping._next
    return lambda wanted, status, place, few: whole(wanted, status, place, 1)


def test_a_thread_that_is_busy_does_not_hold_up_the_night(cast: Cast, kept: Retention) -> None:
    busy, free = desk.finished(cast), desk.finished(cast, days=desk.DAYS - 1)

    with checkpointer().hold(str(busy.id)):
        retention.sweep(now=NIGHT)

    assert [count > 0 for count in desk.left(busy, free)] == [True, False]
    assert lines(EventKind.RETENTION_RAN)[0]["left"] == 1
    retention.sweep(now=NIGHT + timedelta(days=1))
    assert desk.left(busy) == [0]


@pytest.mark.django_db(transaction=True)
def test_one_process_is_at_it_at_a_time(cast: Cast, kept: Retention) -> None:
    old = desk.finished(cast)
    taken, done = threading.Event(), threading.Event()

    def another() -> None:
        with connection.cursor() as cursor:
            cursor.execute(retention.LOCK)
            taken.set()
            done.wait(10)
        connection.close()

    other = threading.Thread(target=another)
    other.start()
    try:
        assert taken.wait(10)
        retention.sweep(now=NIGHT)
        assert desk.left(old)[0] > 1
    finally:
        done.set()
        other.join()
    retention.sweep(now=NIGHT)
    assert desk.left(old) == [0]


def test_what_a_killed_process_left_is_finished_at_night(cast: Cast, kept: Retention) -> None:
    old = desk.finished(cast, days=0)
    Removal.objects.create(thread=old, keeps_latest=False, checkpoints=desk.left(old)[0])

    retention.sweep(now=NIGHT)

    assert desk.left(old) == [0]
    assert len(desk.removals(old)) == 1


def test_archived_first_where_that_is_asked(cast: Cast, settings: Any, tmp_path: Path) -> None:
    Retention.objects.create(chain="prompt_chain", days=7, keep_latest=False, archive_first=True)
    old = desk.finished(cast)

    retention.sweep(now=NIGHT)
    assert desk.left(old)[0] > 1  # nobody said where
    settings.HOLDPOINT_ARCHIVE = tmp_path / "archive"
    retention.sweep(now=NIGHT)

    assert desk.left(old) == [0]
    assert desk.removals(old)[0]["archive"] in {path.name for path in (tmp_path / "archive").iterdir()}
    desk.told("unarchive", f"--dir={tmp_path}/archive", "--all")
    retention.sweep(now=timezone.now().replace(hour=2, minute=30) + timedelta(days=2))
    assert desk.left(old)[0] > 1  # it stays for as long again
    retention.sweep(now=NIGHT + timedelta(days=9))
    assert desk.left(old) == [0]


def test_an_archive_asked_for_during_the_night_with_no_place_for_it_leaves_all_as_it_is(
    cast: Cast, kept: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = desk.finished(cast)
    monkeypatch.setattr(keeping, "complete", lambda: Retention.objects.update(archive_first=True))

    retention.sweep(now=NIGHT)

    assert desk.left(old)[0] > 1
    assert [line["left"] for line in lines(EventKind.RETENTION_RAN)] == [1]


def test_whoever_may_changes_it_in_the_administration_on_record(cast: Cast, client: Client) -> None:
    cast.oscar.is_staff = True
    cast.oscar.save()
    client.force_login(cast.oscar)
    typed = {"chain": "prompt_chain", "days": "30", "keep_latest": "on"}
    assert client.post("/admin/approvals/retention/add/", typed).status_code == 403
    cast.oscar.user_permissions.set(Permission.objects.filter(content_type__model="retention"))

    assert client.post("/admin/approvals/retention/add/", typed).status_code == 302
    row = Retention.objects.get()
    page = f"/admin/approvals/retention/{row.id}"
    assert client.post(f"{page}/change/", {**typed, "days": "60"}).status_code == 302
    assert client.post(f"{page}/change/", {**typed, "days": "0"}).status_code == 200
    assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 302

    told = lines(EventKind.RETENTION_CHANGED)
    assert [line["what"] for line in told] == ["added", "changed", "deleted"]
    assert told[1]["changes"] == {"days": [30, 60]}
    assert not Retention.objects.exists()


def test_the_sweeper_of_a_worker_tends_to_it(cast: Cast, kept: Retention, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr("threading.Thread.start", lambda self: begun.append(self.name))
    monkeypatch.setattr("approvals.sweeping.refuse_unfit", lambda: None)
    monkeypatch.setattr("approvals.sweeping.take_checkpoints", lambda forks: None)
    monkeypatch.setattr("approvals.sweeping.exposition.serve", lambda: None)
    monkeypatch.setattr("approvals.sweeping.tracing.set_up", lambda name: None)
    monkeypatch.setattr("approvals.sweeping.connection.close", lambda: None)

    class Worker:
        pool_cls = None

    Sweeper(Worker()).start(Worker())

    assert begun == ["sweeper", "retention"]
