"""Removing old checkpoints: only of threads that rest, in an order that survives a kill, and the record stays."""

import contextlib
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from approvals import decisions, execution, inspection, opened, threads
from approvals.execution import keeping
from approvals.execution.keeping import removing
from approvals.models import Interrupt, Removal, RemovalStatus, Run, RunKind, Thread, ThreadStatus, Verdict
from approvals.threads import NotNow
from tests import keeping_desk as desk
from tests.backends import AS_CONTEXT, ELSEWHERE, MEMORY, OWN, SQLITE, options_for, setting_for
from tests.backends import keeping as kept_in
from tests.conftest import REQUEST, Cast, work_off
from tests.test_main_job import ballot


@pytest.fixture(params=(OWN, ELSEWHERE, SQLITE, MEMORY, AS_CONTEXT))
def kind(
    request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    desk.together(monkeypatch)
    with setting_for(request.param, tmp_path) as setting, kept_in(setting, **options_for(request.param, tmp_path)):
        yield request.param


def test_finished_threads_lose_their_checkpoints_and_waiting_ones_do_not(kind: str, cast: Cast) -> None:
    old, waits, young = desk.finished(cast), desk.waiting(cast), desk.finished(cast, days=0)
    before = desk.left(old, waits, young)

    tally = desk.prune(keep_latest=False)

    assert desk.left(old, waits, young) == [0, *before[1:]]
    assert (tally.threads, tally.checkpoints, tally.left) == (1, before[0], {})
    assert desk.removals(old) == [{"removed": before[0], "kept_latest": False, "why": "a test"}]
    assert desk.prune(keep_latest=False).threads == 0
    question = Interrupt.objects.open().get(thread=waits)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(waits)
    waits.refresh_from_db()
    assert waits.status == ThreadStatus.DONE


@pytest.mark.parametrize("chain", ["prompt_chain", "nested", "beside"])
@pytest.mark.parametrize("place", [OWN, SQLITE])
def test_the_newest_checkpoint_alone_still_has_the_final_state(
    place: str, chain: str, transactional_db: None, cast: Cast, tmp_path: Path
) -> None:
    with setting_for(place, tmp_path) as setting, kept_in(setting):
        old = desk.finished(cast, chain)
        before = inspection.state_of(old)

        tally = desk.prune(keep_latest=True)

        after = inspection.state_of(old)
        assert before is not None
        assert after is not None
        assert after.values == before.values
        assert desk.left(old) == [1]
        assert tally.checkpoints == desk.removals(old)[0]["removed"] > 1
        assert desk.prune(keep_latest=True).threads == 0
        assert "all can be read" in desk.told("verify", f"--thread={old.id}")
        threads.send_message(cast.rita, old.id, {"request": REQUEST})
        work_off(old)
        old.refresh_from_db()
        assert old.status == ThreadStatus.PAUSED, list(old.runs.values("kind", "error_message"))


@pytest.mark.django_db
def test_what_the_newest_one_needs_is_refused_where_it_cannot_be_kept_alone(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.together(monkeypatch)
    with setting_for(MEMORY, tmp_path) as setting, kept_in(setting):
        with pytest.raises(CommandError, match="InMemorySaver cannot keep the newest checkpoint alone"):
            desk.told("prune", "--keep-latest")
        monkeypatch.setattr(opened, "_together", [])
        with pytest.raises(CommandError, match="in the process that runs workers"):
            desk.told("prune", "--all")


def test_a_saver_that_can_delete_nothing_is_left_as_it_is(transactional_db: None, cast: Cast, tmp_path: Path) -> None:
    with kept_in("custom:tests.keeping_desk.appending"):
        old = desk.finished(cast)
        before = desk.left(old)

        with pytest.raises(CommandError, match="Appending cannot delete threads"):
            desk.told("prune", "--all")
        tallies = [desk.prune(keep_latest=keep_latest) for keep_latest in (True, False)]

        assert [len(tally.left) for tally in tallies] == [1, 1]
        assert not Removal.objects.exists()
        assert "1 threads archived" in desk.told("archive", f"--dir={tmp_path / 'archive'}", "--share=1")
        assert json.loads(desk.told("status", "--json"))["checkpoints"] == before[0]
        assert "all can be read" in desk.told("verify")


def test_a_thread_that_somebody_has_is_left_for_another_time(cast: Cast) -> None:
    held, free = desk.finished(cast), desk.finished(cast, days=desk.DAYS - 1)

    with opened.checkpointer().hold(str(held.id)):
        tally = desk.prune(keep_latest=False)

    assert tally.left == {str(held.id): removing.BUSY}
    assert [count > 0 for count in desk.left(held, free)] == [True, False]
    assert not Removal.objects.filter(thread=held).exists()


def test_no_lock_stays_behind(cast: Cast) -> None:
    old = [desk.finished(cast) for _ in range(3)]
    desk.prune(keep_latest=False)

    with contextlib.ExitStack() as stack:  # each on a connection of its own
        for thread in old:
            assert stack.enter_context(opened.checkpointer().hold(str(thread.id)))


def test_a_message_that_came_between_choosing_and_holding_saves_the_thread(cast: Cast) -> None:
    old = desk.finished(cast)
    before = desk.left(old)
    threads.send_message(cast.rita, old.id, {"request": REQUEST})
    Thread.objects.filter(id=old.id).update(status=ThreadStatus.DONE, last_activity_at=timezone.now() - timedelta(9))

    tally = keeping.remove([old.id], keeping.How(desk.wanted(keep_latest=False), why="a test"))

    assert (tally.threads, list(tally.left)) == (0, [str(old.id)])
    assert desk.left(old) == before


def test_an_open_question_keeps_a_thread_whatever_its_status_says(cast: Cast) -> None:
    asked = desk.waiting(cast)
    before = desk.left(asked)
    Thread.objects.filter(id=asked.id).update(status=ThreadStatus.DONE)
    assert desk.prune(keep_latest=False, statuses=keeping.PRUNABLE).threads == 0

    keeping.remove([asked.id], keeping.How(desk.wanted(keep_latest=False), why="a test"))

    assert desk.left(asked) == before


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", ["prune", "_finish"])
@pytest.mark.parametrize("keep_latest", [True, False])
def test_whoever_comes_next_finishes_what_a_killed_process_left(
    moment: str, keep_latest: bool, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the deletion, or after it and before the event."""
    old = desk.finished(cast)
    before = desk.left(old)[0]

    def die(*arguments: object, **options: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(removing, moment, die)
        with pytest.raises(Killed):
            desk.prune(keep_latest=keep_latest)
    assert Removal.objects.get(thread=old).status == RemovalStatus.MARKED
    assert desk.removals(old) == []
    with pytest.raises(NotNow, match="being removed at this moment"):
        threads.send_message(cast.rita, old.id, {"request": REQUEST})

    keeping.complete()

    assert desk.left(old) == [int(keep_latest)]
    assert [line["removed"] for line in desk.removals(old)] == [before - keep_latest]
    keeping.complete()
    assert len(desk.removals(old)) == 1


def test_a_thread_without_checkpoints_goes_no_further_and_never_begins_anew(cast: Cast, alice: Client) -> None:
    old = desk.finished(cast)
    desk.prune(keep_latest=False)

    with pytest.raises(NotNow, match="were removed on"):
        threads.send_message(cast.rita, old.id, {"request": REQUEST})
    run = Run.owe(Thread.objects.locked(old.id), RunKind.CONTINUE)
    execution.look(run.id)

    run.refresh_from_db()
    assert run.error_class == "CheckpointsGone"


def test_a_failed_start_that_was_pruned_never_begins_anew(cast: Cast) -> None:
    """It had no success and no question, so nothing else would tell."""
    failed = threads.submit(cast.rita, "failing", {"request": REQUEST})
    work_off(failed)
    desk.aged(failed, desk.DAYS, ThreadStatus.FAILED)
    desk.prune(keep_latest=False, statuses=(ThreadStatus.FAILED,))
    assert desk.left(failed) == [0]

    run = Run.owe(Thread.objects.locked(failed.id), RunKind.CONTINUE)
    execution.look(run.id)

    run.refresh_from_db()
    assert run.error_class == "CheckpointsGone"


def test_the_record_and_what_was_seen_stay(cast: Cast, alice: Client) -> None:
    old = desk.finished(cast)
    question = Interrupt.objects.get(thread=old)
    shown = text_of(alice, f"/decisions/{question.id}/")
    desk.prune(keep_latest=False)

    page = alice.get(f"/t/{old.id}/")
    history = alice.get(f"/t/{old.id}/history/")

    for answer in (page, history):
        assert answer.status_code == 200
        assert "were removed on" in answer.content.decode()
    assert "Nothing has been saved yet" not in page.content.decode()
    assert "The result was in the checkpoints, which have been removed." in page.content.decode()
    assert "This chain names no result" not in page.content.decode()
    assert "Send message" not in page.content.decode()
    assert text_of(alice, f"/decisions/{question.id}/") == shown
    assert "Marta Nowak" in shown
    out = io.StringIO()
    call_command("verify_record", stdout=out)
    assert "0 findings" in out.getvalue()


def text_of(client: Client, path: str) -> str:
    """Of the page's own part, without tokens."""
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r'"[0-9A-Za-z]{64}"', "", answer.content.decode().partition("<main")[2])


def test_the_command_says_what_it_would_do_and_what_it_did(cast: Cast) -> None:
    old = desk.finished(cast)

    assert "1 threads would be pruned" in desk.told("prune", "--all", "--older-than=1", "--dry-run")
    assert desk.left(old)[0] > 1
    assert "0 threads would" in desk.told("prune", "--all", "--older-than=31", "--dry-run")
    assert "0 threads would" in desk.told("prune", "--all", "--chain=nested", "--dry-run")
    assert "1 threads pruned" in desk.told("prune", "--all", "--older-than=1", "--share=1")
    assert desk.removals(old)[0]["why"].startswith("manage.py checkpoints prune --older-than 1, by ")


def test_pauses_are_longer_while_work_waits_for_a_worker(cast: Cast) -> None:
    pace = keeping.Pace(share=0.2)
    assert pace.pause_after(1.0) == pytest.approx(4.0)
    late = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    Run.objects.filter(thread=late).update(not_before=timezone.now() - timedelta(seconds=5))

    assert pace.pause_after(1.0) == pytest.approx(16.0)
