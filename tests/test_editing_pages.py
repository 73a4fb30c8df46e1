"""Editing the state on its page: typed, looked at, confirmed; refused with what was typed still there."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from approvals import threads
from approvals.models import Run, RunKind, Thread, ThreadStatus
from tests.conftest import Cast, open_question, work_off
from tests.posting import Page
from tests.test_main_job import values


@pytest.fixture
def waiting(cast: Cast) -> Thread:
    """draft → (review) → send; it asks in `review`."""
    thread = threads.submit(cast.rita, "editable", {"amount": 900})
    work_off(thread)
    thread.refresh_from_db()
    return thread


@pytest.fixture
def alice(client: Client, cast: Cast) -> Client:
    client.force_login(cast.alice)
    return client


def path(thread: Thread) -> str:
    return f"/t/{thread.id}/state/"


def typed(client: Client, address: str, **fields: str) -> dict[str, Any]:
    """The form as it is on the page, with these controls filled in."""
    return {**Page(client.get(address).content.decode()).posted().dict(), **fields}


def carried(html: str) -> dict[str, Any]:
    return Page(html).posted(confirmed="1").dict()


def edits(thread: Thread) -> list[dict[str, Any]]:
    return [run.payload for run in Run.objects.filter(thread=thread, kind=RunKind.EDIT)]


def test_an_edit_is_looked_at_before_it_is_stored(alice: Client, waiting: Thread) -> None:
    page = alice.post(path(waiting), typed(alice, path(waiting), **{"state.amount": "950"})).content.decode()

    assert "Store this edit?" in page
    assert "<span>900</span>" in page
    assert "<span>950</span>" in page
    assert "then next: Review" in page
    assert edits(waiting) == []

    assert alice.post(path(waiting), {**carried(page), "reason": "It is more."}).status_code == 303
    (payload,) = edits(waiting)
    assert (payload["values"], payload["may_pass"]) == ({"amount": 950}, False)


def test_without_a_reason_nothing_is_stored(alice: Client, waiting: Thread) -> None:
    page = alice.post(path(waiting), typed(alice, path(waiting), **{"state.amount": "950"})).content.decode()

    answer = alice.post(path(waiting), {**carried(page), "reason": " "})

    assert answer.status_code == 422
    assert "Say why" in answer.content.decode()
    assert edits(waiting) == []


def test_the_edit_can_be_changed_once_more(alice: Client, waiting: Thread) -> None:
    page = alice.post(path(waiting), typed(alice, path(waiting), **{"state.amount": "950"})).content.decode()
    back = {name: text for name, text in carried(page).items() if name != "confirmed"}

    again = alice.post(path(waiting), {**back, "back": "1"})

    assert again.status_code == 200
    assert 'value="950"' in again.content.decode()
    assert edits(waiting) == []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{", "Line 1:"),
        ("[]", "Enter an object in braces"),
        ('{"amount": "<i>many"}', "amount: Input should be a valid integer"),
        ('{"log": "one"}', "log: Input should be a valid list"),
        ('{"nobody": 1}', "has no &#x27;nobody&#x27;"),
        ('{"amount": 1, "amount": 2}', "twice"),
        ('{"log": {"__overwrite__": []}}', "a meaning of its own"),
        ('{"messages": [{"content": "from nobody"}]}', "each message needs a type"),
        ('{"amount": 900}', "Nothing was changed"),
    ],
)
def test_json_that_does_not_fit_is_refused_and_stays_as_it_was_typed(
    alice: Client, waiting: Thread, written: str, said: str
) -> None:
    fields = typed(alice, f"{path(waiting)}?view=json", values=written)

    answer = alice.post(path(waiting), fields)

    assert answer.status_code == 422
    html = answer.content.decode()
    assert said in html
    assert Page(html).posted()["values"] == written
    assert "<i>many" not in html
    assert edits(waiting) == []


def test_the_json_box_holds_the_whole_editable_state_and_what_is_left_out_stays(alice: Client, waiting: Thread) -> None:
    shown = json.loads(typed(alice, f"{path(waiting)}?view=json")["values"])
    assert shown.keys() == {"amount", "log", "messages", "bill"}

    fields = typed(alice, f"{path(waiting)}?view=json", values='{"log": ["mine"]}')
    page = alice.post(path(waiting), fields).content.decode()
    alice.post(path(waiting), {**carried(page), "reason": "Cleaner."})
    work_off(waiting)

    assert (values(waiting)["log"], values(waiting)["amount"]) == (["mine"], 900)


def test_rows_of_a_list_and_messages_are_added_changed_and_removed(alice: Client, waiting: Thread) -> None:
    added = alice.post(path(waiting), {**typed(alice, path(waiting)), "_add": "state.messages"})
    fields = Page(added.content.decode()).posted().dict()
    fields |= {"state.messages.2.type": "human", "state.messages.2.content": "One more", "state.log.0": "changed"}
    removed = alice.post(path(waiting), {**fields, "_remove": "state.messages.0"})
    assert (added.status_code, removed.status_code) == (200, 200)

    page = alice.post(path(waiting), Page(removed.content.decode()).posted().dict()).content.decode()
    alice.post(path(waiting), {**carried(page), "reason": "Tidied."})
    work_off(waiting)

    said = [message["content"] for message in values(waiting)["messages"]]  # type: ignore[attr-defined]
    assert said == ["Here is the bill.", "One more"]
    assert values(waiting)["log"] == ["changed"]


def test_an_edit_past_the_question_needs_the_permission_and_a_tick(alice: Client, waiting: Thread, cast: Cast) -> None:
    question = open_question(waiting)
    fields = typed(alice, path(waiting), **{"state.amount": "5"})
    page = alice.post(path(waiting), fields).content.decode()
    assert "needs a permission of its own" in page
    assert alice.post(path(waiting), {**carried(page), "may_pass": "1", "reason": "Small."}).status_code == 403

    cast.alice.user_permissions.add(Permission.objects.get(codename="may_reroute"))
    page = alice.post(path(waiting), fields).content.decode()
    assert f"Nobody is asked “{question.title}”" in page
    unticked = alice.post(path(waiting), {**carried(page), "reason": "Small."})
    assert (unticked.status_code, edits(waiting)) == (422, [])
    assert "Small." in unticked.content.decode()
    assert alice.post(path(waiting), {**carried(page), "may_pass": "1", "reason": "Small."}).status_code == 303
    assert edits(waiting)[0]["may_pass"] is True


def test_an_edit_counts_as_the_work_of_the_chosen_node(alice: Client, waiting: Thread, cast: Cast) -> None:
    client = Client()
    client.force_login(cast.oscar)

    fields = typed(client, path(waiting), as_node="review", **{"state.log.0": "as if reviewed"})
    page = client.post(path(waiting), fields).content.decode()

    assert "as if Review had just run" in page
    assert "then next: Send" in page
    odd = client.post(path(waiting), {**fields, "as_node": "__end__"})
    assert odd.status_code == 422
    assert "has no node" in odd.content.decode()


def test_a_state_that_went_on_is_not_edited_blindly(alice: Client, waiting: Thread, cast: Cast) -> None:
    fields = typed(alice, path(waiting), **{"state.amount": "950"})
    threads.edit_state(
        cast.oscar, waiting.id, {"log": []}, seen_checkpoint_id=fields["seen_checkpoint"], reason="First."
    )
    work_off(waiting)

    answer = alice.post(path(waiting), fields)

    assert answer.status_code == 422
    html = answer.content.decode()
    assert "The thread went on since you looked" in html
    assert Page(html).posted()["state.amount"] == "950"


def test_programs_ask_first_or_say_all_at_once(alice: Client, waiting: Thread) -> None:
    fields = {
        "view": "json",
        "values": '{"amount": 950}',
        "seen_checkpoint": open_question(waiting).checkpoint_id,
    }

    def say(**more: str) -> Any:
        return alice.post(path(waiting), {**fields, **more}, HTTP_ACCEPT="application/json")

    asked = say(preview="1").json()
    assert (asked["next"], asked["passes_by"]) == (["review"], [])
    assert asked["changes"] == [{"path": "amount", "before": 900, "after": 950}]
    assert (say().status_code, say().json()["field"]) == (422, "reason")
    assert say(values='{"amount": "x"}').json()["field"] == "amount"
    passes = say(values='{"amount": 5}', reason="Small.")
    assert (passes.status_code, passes.json()["error"]) == (409, "passes_by")
    assert say(seen_checkpoint="1").json()["error"] == "head_moved"
    assert edits(waiting) == []
    assert say(reason="It is more.").status_code == 202
    assert say(reason="It is more.").json()["error"] == "not_now"


def test_who_may_edit_and_when(waiting: Thread, cast: Cast, client: Client) -> None:
    for person, status in ((cast.rita, 403), (cast.mallory, 404), (cast.oscar, 200)):
        client.force_login(person)
        assert client.get(path(waiting)).status_code == status
    Thread.objects.filter(id=waiting.id).update(status=ThreadStatus.RUNNING)
    answer = client.get(path(waiting))
    assert (answer.status_code, "This cannot be done now" in answer.content.decode()) == (409, True)
