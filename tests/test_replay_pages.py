"""Going back to an earlier step on its page: what runs again, what may happen twice, and a person's word."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from approvals import decisions, inspection, threads
from approvals.inspection import Edit, PassesBy
from approvals.models import Event, EventKind, Run, RunKind, Thread, ThreadStatus, Verdict
from approvals.policies import NotAllowed
from tests.conftest import Cast, open_question, work_off
from tests.posting import Page
from tests.test_main_job import ballot, values


@pytest.fixture
def oscar(client: Client, cast: Cast) -> Client:
    client.force_login(cast.oscar)
    return client


@pytest.fixture
def waiting(cast: Cast) -> Thread:
    """draft → (review) → send; it asks in `review`."""
    return begun(cast, "editable", amount=900)


def begun(cast: Cast, chain: str, **values: Any) -> Thread:
    thread = threads.submit(cast.rita, chain, values)
    work_off(thread)
    thread.refresh_from_db()
    return thread


def before(thread: Thread, node: str) -> str:
    for step in inspection.steps_of(thread):
        state = inspection.state_of(thread, checkpoint_id=step.checkpoint_id)
        if state is not None and node in state.next:
            return step.checkpoint_id
    raise LookupError(node)


def page_of(thread: Thread, node: str) -> str:
    return f"/t/{thread.id}/replay/{before(thread, node)}/"


def finish(cast: Cast, thread: Thread) -> None:
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)
    thread.refresh_from_db()


def replays(thread: Thread) -> list[dict[str, Any]]:
    return [run.payload for run in Run.objects.filter(thread=thread, kind=RunKind.REPLAY)]


def sent(page: Any, **more: str) -> dict[str, Any]:
    """What a person posts from the page that asks for their word."""
    return {**Page(page.content.decode()).posted().dict(), "confirmed": "1", **more}


def test_the_page_lists_what_runs_again_and_needs_a_reason(oscar: Client, waiting: Thread, cast: Cast) -> None:
    finish(cast, waiting)
    address = page_of(waiting, "draft")

    page = oscar.get(address)

    html = page.content.decode()
    assert "First: <b>Draft</b>" in html
    assert "may all run again: Draft, Review, Send" in html
    assert "calls that a step makes without recording them may happen a second time" in html
    assert oscar.post(address, sent(page)).status_code == 422
    assert replays(waiting) == []
    assert oscar.post(address, sent(page, reason="Once more.")).status_code == 303
    work_off(waiting)
    waiting.refresh_from_db()
    assert waiting.status == ThreadStatus.PAUSED
    assert open_question(waiting).is_open
    assert Event.objects.get(thread=waiting, kind=EventKind.THREAD_REPLAYED).data["reason"] == "Once more."


def test_questions_that_are_not_asked_again_are_named(oscar: Client, waiting: Thread, cast: Cast) -> None:
    title = open_question(waiting).title
    finish(cast, waiting)

    assert "not asked again" not in oscar.get(page_of(waiting, "review")).content.decode()
    html = oscar.get(page_of(waiting, "send")).content.decode()
    assert f"<b>{title}</b>" in html.partition("not asked again")[2]


def test_an_edit_on_the_way_is_looked_at_first(oscar: Client, waiting: Thread, cast: Cast) -> None:
    finish(cast, waiting)
    address = page_of(waiting, "review")
    fields = {**Page(oscar.get(f"{address}?edit=form").content.decode()).posted().dict(), "state.amount": "950"}

    bad = oscar.post(address, {**fields, "state.amount": "many"})
    assert (bad.status_code, Page(bad.content.decode()).posted()["state.amount"]) == (422, "many")
    page = oscar.post(address, fields)
    assert "<span>950</span>" in page.content.decode()
    assert replays(waiting) == []
    assert oscar.post(address, sent(page, reason="Wrong sum.")).status_code == 303
    work_off(waiting)

    assert open_question(waiting).value == {"amount": 950}


def test_an_edit_at_an_earlier_step_cannot_go_past_its_question_unnoticed(
    oscar: Client, waiting: Thread, cast: Cast
) -> None:
    address, step = page_of(waiting, "review"), before(waiting, "review")
    with pytest.raises(PassesBy):
        threads.replay(cast.oscar, waiting.id, step, reason="Small.", edit=Edit({"amount": 5}))
    with pytest.raises(NotAllowed):
        threads.replay(cast.alice, waiting.id, step, reason="Small.", edit=Edit({"amount": 5}, may_pass=True))

    fields = {**Page(oscar.get(f"{address}?edit=json").content.decode()).posted().dict(), "values": '{"amount": 5}'}
    page = oscar.post(address, fields)
    assert "the request goes past <b>Review</b>" in page.content.decode()
    assert oscar.post(address, sent(page, reason="Small.")).status_code == 422
    assert replays(waiting) == []
    assert oscar.post(address, sent(page, reason="Small.", may_pass="1")).status_code == 303
    work_off(waiting)
    waiting.refresh_from_db()
    assert (waiting.status, values(waiting)["log"]) == (ThreadStatus.DONE, ["drafted 900", "sent 5"])


def test_going_past_needs_the_permission(waiting: Thread, cast: Cast, client: Client) -> None:
    client.force_login(cast.alice)
    address = page_of(waiting, "review")
    fields = {"view": "json", "values": '{"amount": 5}', "confirmed": "1", "reason": "Small.", "may_pass": "1"}

    assert client.post(address, fields).status_code == 403
    cast.alice.user_permissions.add(Permission.objects.get(codename="may_reroute"))
    assert client.post(address, fields).status_code == 303


def test_the_page_says_what_nobody_was_asked_about(oscar: Client, waiting: Thread, cast: Cast) -> None:
    finish(cast, waiting)
    address = page_of(waiting, "send")
    fields = {"view": "json", "values": '{"amount": 950}'}

    page = oscar.post(address, fields)
    assert "runs with values that nobody was asked about" in page.content.decode()
    assert oscar.post(address, {**fields, "confirmed": "1", "reason": "More."}).status_code == 422
    oscar.force_login(cast.alice)
    page = oscar.post(address, fields)
    assert "needs a permission of its own" in page.content.decode()
    assert 'name="confirmed"' not in page.content.decode()
    assert oscar.post(address, {**fields, "confirmed": "1", "reason": "More.", "may_pass": "1"}).status_code == 403
    assert replays(waiting) == []
    oscar.force_login(cast.oscar)
    assert oscar.post(address, {**fields, "confirmed": "1", "reason": "More.", "may_pass": "1"}).status_code == 303


def test_who_asked_and_operates_goes_back_and_is_offered_no_edit(oscar: Client, cast: Cast) -> None:
    thread = threads.submit(cast.oscar, "editable", {"amount": 900})
    work_off(thread)
    address = page_of(thread, "review")

    page = oscar.get(address)
    assert (page.status_code, "Edit the state first" in page.content.decode()) == (200, False)
    assert oscar.get(f"{address}?edit=form").status_code == 403
    fields = {"view": "json", "values": '{"amount": 950}', "confirmed": "1", "reason": "More.", "may_pass": "1"}
    assert oscar.post(address, fields).status_code == 403
    assert oscar.post(address, {"confirmed": "1", "reason": "Again."}).status_code == 303


@pytest.mark.django_db(transaction=True)
def test_outside_calls_that_were_made_are_named_and_must_be_ticked(cast: Cast, client: Client, tmp_path: Path) -> None:
    (tmp_path / "calls").touch()
    (tmp_path / "how").write_text("well")
    thread = begun(cast, "paying", calls=str(tmp_path / "calls"), how=str(tmp_path / "how"))
    assert thread.status == ThreadStatus.DONE
    client.force_login(cast.oscar)
    step = next(s.checkpoint_id for s in inspection.steps_of(thread) if _runs_next(thread, s.checkpoint_id))
    address = f"/t/{thread.id}/replay/{step}/"

    page = client.get(address)
    assert "These outside calls were made since" in page.content.decode()
    assert client.post(address, sent(page, reason="Pay twice.")).status_code == 422
    assert client.post(address, sent(page, reason="Pay twice.", may_repeat="1")).status_code == 303
    work_off(thread)

    assert len((tmp_path / "calls").read_text().split()) == 2


def _runs_next(thread: Thread, checkpoint_id: str) -> bool:
    state = inspection.state_of(thread, checkpoint_id=checkpoint_id)
    return state is not None and bool(set(state.next) - {"__start__"})


@pytest.mark.parametrize("chain", ["parallel", "in_subgraph", "agent_batched"])
def test_a_branch_of_any_shape_asks_again_and_can_be_answered(cast: Cast, client: Client, chain: str) -> None:
    given = {"messages": "Please."} if chain.startswith("agent") else {}
    thread = begun(cast, chain, **given)
    asked = {row.node for row in thread.interrupts.open()}
    old = set(thread.interrupts.values_list("id", flat=True))
    client.force_login(cast.oscar)
    head = inspection.steps_of(thread)[0].checkpoint_id

    answer = client.post(f"/t/{thread.id}/replay/{head}/", {"confirmed": "1", "reason": "Ask anew."})
    assert answer.status_code == 303
    work_off(thread)

    thread.refresh_from_db()
    fresh = thread.interrupts.open()
    assert (thread.status, {row.node for row in fresh}) == (ThreadStatus.PAUSED, asked)
    assert not old & set(fresh.values_list("id", flat=True))


def test_when_it_cannot_be_done_it_says_why(oscar: Client, waiting: Thread, cast: Cast) -> None:
    finish(cast, waiting)
    newest = inspection.steps_of(waiting)[0].checkpoint_id

    ended = oscar.get(f"/t/{waiting.id}/replay/{newest}/")
    assert (ended.status_code, "Nothing runs after this step" in ended.content.decode()) == (409, True)
    gone = oscar.get(f"/t/{waiting.id}/replay/1f000000-0000-6000-8000-000000000000/")
    assert (gone.status_code, "not saved any more" in gone.content.decode()) == (409, True)
    step = page_of(waiting, "draft")
    Thread.objects.filter(id=waiting.id).update(status=ThreadStatus.CANCELLED)
    stopped = oscar.get(step)
    assert (stopped.status_code, "stopped for good" in stopped.content.decode()) == (409, True)


def test_who_may_take_it_back(waiting: Thread, cast: Cast, client: Client) -> None:
    address = page_of(waiting, "review")
    for person, status in ((cast.rita, 403), (cast.mallory, 404), (cast.alice, 200), (cast.oscar, 200)):
        client.force_login(person)
        assert client.get(address).status_code == status
        assert client.post(address, {"confirmed": "1"}).status_code == (422 if status == 200 else status)


def test_programs_ask_first_or_say_all_at_once(oscar: Client, waiting: Thread) -> None:
    address = page_of(waiting, "review")

    def say(**fields: str) -> Any:
        return oscar.post(address, fields, HTTP_ACCEPT="application/json")

    assert say(preview="1").json() == {"next": ["review"], "again": ["review"], "passes_by": [], "effects": []}
    assert (say().status_code, say().json()["field"]) == (422, "reason")
    assert say(view="json", values='{"amount": "x"}', reason="So.").json()["field"] == "amount"
    assert say(view="json", values='{"amount": 5}', reason="So.").json()["field"] == "may_pass"
    assert replays(waiting) == []
    assert say(reason="So.").status_code == 202
