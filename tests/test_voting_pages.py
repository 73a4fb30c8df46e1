"""Votes on pages and as JSON: why somebody is asked, what was changed, what counts, and the way past the others."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals import decisions, threads
from approvals.models import Decision, Delegation, Edits, Event, EventKind, Interrupt, Policy, Via, Vote
from tests.conftest import Cast, open_question, work_off
from tests.graphs.formats import REFUND
from tests.posting import Page
from tests.test_deciding_pages import JSON, form, post, words
from tests.test_voting import APPROVE, asked, decide, delegate, edit, let_break_glass, reviewer

Answer = Any


@pytest.fixture
def alice(cast: Cast) -> Client:
    return client_of(cast.alice)


@pytest.fixture
def bob(cast: Cast) -> Client:
    return client_of(cast.bob)


def client_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page(client: Client, question: Interrupt, query: str = "") -> str:
    html: str = client.get(f"/t/{question.thread_id}/{query}").content.decode()
    return html


def told(client: Client, question: Interrupt) -> str:
    return words(client.get(f"/t/{question.thread_id}/"))


def posted(client: Client, question: Interrupt, query: str = "") -> dict[str, str]:
    """What a browser would send from the page as it stands."""
    fields: Any = Page(page(client, question, query)).posted().dict()
    return {name: value for name, value in fields.items() if name != "csrfmiddlewaretoken"}


# ---- Why ---------------------------------------------------------------------------------------------------------


def test_the_card_says_in_words_under_which_rules_somebody_is_asked(alice: Client, cast: Cast) -> None:
    question = asked(
        cast, votes_needed=2, veto=False, condition='args.amount > 5 && action != "<b>"', approval_needs_note=True
    )
    html, text = page(alice, question), told(alice, question)

    assert "<code>args.amount &gt; 5 &amp;&amp; action != &quot;&lt;b&gt;&quot;</code> holds" in html
    for said in (
        "Why you are asked.",
        "Asked are members of reviewers; the person who asked for it may not decide.",
        "2 of them must approve the same thing.",
        "It is rejected when 2 reject it.",
        "What somebody changes, somebody else must approve.",
        "Approving takes a note, too.",
        "0 of 2 approvals.",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"edits": Edits.NONE}, "Nobody may edit it."),
        ({"edits": Edits.ALONE}, "Who edits may approve it alone."),
        ({"edits": Edits.SECOND, "editable": ["amount"]}, "Only these may be edited: Amount. What somebody changes"),
        ({"votes_needed": 2}, "One rejection is enough to reject it."),
        ({"four_eyes": False}, "Asked are members of reviewers."),
        ({"condition": "args.colour == 1"}, "Nobody can tell whether"),
        ({"condition": "args.amount > 5"}, "Policy Default : Amount is more than 5."),
    ],
)
def test_each_rule_is_told_as_it_is(alice: Client, cast: Cast, policy: dict[str, Any], said: str) -> None:
    assert said in told(alice, asked(cast, **policy))


def test_the_card_names_people_who_are_asked_and_in_whose_place_one_stands(cast: Cast) -> None:
    Policy.objects.get().people.set([cast.bob])
    delegate(cast.alice, cast.mallory)

    text = told(client_of(cast.mallory), asked(cast))

    assert "You stand in for Alice Okafor." in text
    assert "Asked are members of reviewers and Bob Meyer;" in text


def test_what_nobody_can_decide_says_so_on_its_page_and_in_the_queue(alice: Client, cast: Cast) -> None:
    question = asked(cast, votes_needed=3)
    said = "Action required: nobody can decide this as things are."

    assert said in told(alice, question)
    assert "Only 2 of the 3 people it needs may decide it" in told(alice, question)
    assert "Action required" in words(alice.get("/queue/"))

    reviewer("carol", cast)
    assert said not in told(alice, question)
    assert "Action required" not in words(alice.get("/queue/"))


# ---- Votes -------------------------------------------------------------------------------------------------------


def test_the_votes_that_stand_are_listed_and_those_that_do_not_count_say_why(bob: Client, cast: Cast) -> None:
    question = asked(cast, votes_needed=3)
    carol = reviewer("carol", cast)
    decide(cast.alice, question, APPROVE, note="Seen <it>.")
    delegate(carol, cast.mallory)
    decide(cast.mallory, question, APPROVE)
    carol_delegation = Delegation.objects.get()
    cast.alice.groups.clear()

    text = told(bob, question)

    assert "1 of 3 approvals." in text
    assert "mallory in the place of Carol: approved" in text
    assert "no longer counts: may not decide any more" in text
    assert text.count("no longer counts") == 1
    assert "Seen &lt;it&gt;." in page(bob, question)
    carol_delegation.delete()
    assert told(bob, question).count("no longer counts") == 2


def test_votes_that_came_along_with_the_same_question_are_marked(alice: Client, cast: Cast) -> None:
    question = asked(cast, votes_needed=2, undo_seconds=30)
    decide(cast.alice, question, APPROVE)
    decide(cast.bob, question, APPROVE)
    again = decisions.undo(cast.bob, question.id)

    assert "given before, to the very same question" in told(alice, again)


def test_a_vote_is_withdrawn_by_a_button_and_only_the_timeline_keeps_it(alice: Client, cast: Cast) -> None:
    question = asked(cast, votes_needed=2)
    assert "Withdraw my vote" not in told(alice, question)
    post(alice, question, verdict="approve")
    assert f'action="/interrupts/{question.id}/withdrawal/"' in page(alice, question)

    answer = alice.post(f"/interrupts/{question.id}/withdrawal/", {"next": "//evil.example"})

    assert (answer.status_code, answer["Location"]) == (303, f"/t/{question.thread_id}/")
    text = told(alice, question)
    assert "0 of 2 approvals." in text
    assert "Vote withdrawn" in text
    assert 'name="verdict" value="approve"' in page(alice, question)


def test_whoever_has_no_vote_is_told_so(alice: Client, cast: Cast) -> None:
    question = asked(cast)

    assert alice.post(f"/interrupts/{question.id}/withdrawal/").status_code == 403
    assert client_of(cast.mallory).post(f"/interrupts/{question.id}/withdrawal/").status_code == 404
    assert alice.get(f"/interrupts/{question.id}/withdrawal/").status_code == 302


def test_abstaining_is_one_button_and_needs_no_words(alice: Client, cast: Cast) -> None:
    question = asked(cast)

    answer = alice.get(post(alice, question, verdict="abstain")["Location"])

    assert "You abstain" in words(answer)
    assert "Alice Okafor : abstained" in words(answer)
    assert Interrupt.objects.get(id=question.id).is_open


def test_of_several_parts_one_abstains_as_a_whole(alice: Client, cast: Cast) -> None:
    question = asked(cast, "batch_camel")

    assert post(alice, question, verdict="abstain", **{"item-0-verdict": "reject"}).status_code == 303
    assert Vote.objects.get().verdict == "abstain"


def test_the_reasons_to_reject_are_a_list_and_a_missing_one_is_told_at_it(alice: Client, cast: Cast) -> None:
    question = asked(cast, reject_reasons=["Fraud <1>", "Not ours"])

    refused = post(alice, question, verdict="reject", note="No.", reason_code="odd")
    html = refused.content.decode()
    assert refused.status_code == 422
    assert f'aria-describedby="reason-error-{question.id}"' in html
    assert "Choose a reason for rejecting it." in words(refused)
    assert '<option value="Fraud &lt;1&gt;">' in html
    refused = post(alice, question, headers=JSON, verdict="reject", note="No.")
    assert (refused.status_code, refused.json()["field"]) == (422, "reason_code")

    post(alice, question, verdict="reject", note="No.", reason_code="Not ours")
    assert "Not ours" in told(alice, question)


def test_a_missing_note_is_told_at_the_note(alice: Client, cast: Cast) -> None:
    question = asked(cast, approval_needs_note=True)

    refused = post(alice, question, verdict="approve")

    assert (refused.status_code, "Say why you approve it." in words(refused)) == (422, True)
    assert f'id="note-error-{question.id}"' in refused.content.decode()
    assert "needed to approve or reject" in page(alice, question)


# ---- Changed versions --------------------------------------------------------------------------------------------


def test_an_edit_under_a_quorum_becomes_a_version_that_the_others_see_as_a_difference(
    alice: Client, bob: Client, cast: Cast
) -> None:
    question = asked(cast, votes_needed=2)
    post(bob, question, verdict="approve")
    fields = posted(alice, question, "?edit=1")
    assert "Propose these changes" in page(alice, question, "?edit=1")

    answer = alice.post(
        f"/interrupts/{question.id}/decision/",
        {**fields, "verdict": "edit", "arguments.amount": "400", "note": "All of it."},
    )
    said = words(alice.get(answer["Location"]))
    version = open_question(question.thread)

    assert "waits for somebody else&#x27;s approval." in said
    assert "You changed this, so you cannot be its only approver:" in said
    html, text = page(bob, version), told(bob, version)
    assert '<del><span class="num">40</span></del>' in html
    assert '<ins><span class="num">400</span></ins>' in html
    assert "1 approval cleared (Bob Meyer)" in text
    assert "Approve the changed version" in text
    assert "All of it." in text
    assert f'action="/interrupts/{version.id}/decision/"' in html
    assert f'name="seen_sha256" value="{question.payload_sha256}"' in html


def test_who_still_has_the_question_before_on_screen_is_shown_what_changed(
    alice: Client, bob: Client, cast: Cast
) -> None:
    question = asked(cast, votes_needed=2)
    version = edit(cast.alice, question, amount=400)

    stale, as_json = post(bob, question, verdict="approve"), post(bob, question, headers=JSON, verdict="approve")

    assert stale.status_code == as_json.status_code == 409
    assert "Amount 40 → 400" in words(stale)
    assert as_json.json()["difference"] == [{"field": "Amount", "before": 40, "after": 400}]
    assert as_json.json()["interrupt"] == str(version.id)
    assert post(bob, version, verdict="approve").status_code == 303
    assert Decision.objects.get().answer["arguments"]["amount"] == 400
    work_off(question.thread)
    assert "400" in page(bob, version).partition("Who decided what")[2]


def test_a_second_editor_begins_with_the_latest_version(alice: Client, bob: Client, cast: Cast) -> None:
    version = edit(cast.alice, asked(cast, edits=Edits.SECOND), amount=400)
    fields = posted(bob, version, "?edit=1")
    assert fields["arguments.amount"] == "400"

    unchanged = bob.post(f"/interrupts/{version.id}/decision/", {**fields, "verdict": "edit"})
    assert "You changed nothing." in words(unchanged)
    bob.post(f"/interrupts/{version.id}/decision/", {**fields, "verdict": "edit", "arguments.order": "ORD-1"})
    latest = open_question(version.thread)
    text = told(alice, latest)

    assert latest.proposal[0]["arguments"] == {**REFUND, "amount": 400, "order": "ORD-1"}  # type: ignore[index]
    assert "Amount 40 → 400 Order ORD-48213 → ORD-1" in text
    assert text.index("Bob Meyer changed Order") < text.index("Alice Okafor changed Amount")
    assert post(alice, latest, verdict="approve").status_code == 303


def test_a_version_that_goes_back_to_what_was_asked_says_so(alice: Client, cast: Cast) -> None:
    version = edit(cast.alice, asked(cast, edits=Edits.SECOND), amount=400)

    assert "It is as the graph asked it again." in told(alice, edit(cast.bob, version, amount=40))


def test_of_several_parts_each_shows_what_became_of_it(alice: Client, bob: Client, cast: Cast) -> None:
    question = asked(cast, "batch_camel", edits=Edits.SECOND)
    changed = {"item-0-verdict": "edit", "item-0-arguments": json.dumps({**REFUND, "amount": 41})}
    post(alice, question, verdict="mixed", **changed, **{"item-1-verdict": "reject", "item-1-note": "Not her."})
    version = open_question(question.thread)
    text = told(bob, version)

    assert "1. Amount 40 → 41" in text
    assert "2. Verdict Approved → Rejected: Not her." in text
    assert "As it stands now" in text
    assert post(bob, version, verdict="approve").status_code == 303
    assert [one["type"] for one in Decision.objects.get().answer["decisions"]] == ["edit", "reject"]


def test_only_what_may_be_edited_is_a_field(alice: Client, cast: Cast) -> None:
    question = asked(cast, editable=["amount"])
    html = page(alice, question, "?edit=1")
    fields = posted(alice, question, "?edit=1")

    assert 'name="arguments.amount"' in html
    assert 'name="arguments.order"' not in html
    assert "ORD-48213" in html
    whole = {"arguments": json.dumps({**REFUND, "order": "ORD-1"}), "verdict": "edit"}
    refused = alice.post(
        f"/interrupts/{question.id}/decision/", {**form(question), **whole}, HTTP_ACCEPT="application/json"
    )
    assert (refused.status_code, refused.json()["field"]) == (422, "order")
    alice.post(f"/interrupts/{question.id}/decision/", {**fields, "verdict": "edit", "arguments.amount": "41"})
    assert Decision.objects.get().answer["arguments"] == {**REFUND, "amount": 41}


def test_where_a_mistake_is_dear_the_changed_version_is_shown_once_more(alice: Client, cast: Cast) -> None:
    version = edit(cast.bob, asked(cast, edits=Edits.SECOND, risk="high"), amount=41)

    text = words(post(alice, version, verdict="approve"))

    assert "You approve what Bob Meyer made of it:" in text
    assert "Amount 40 → 41" in text
    assert Interrupt.objects.get(id=version.id).is_open


# ---- Break glass -------------------------------------------------------------------------------------------------


def test_breaking_glass_is_a_page_of_its_own_for_those_who_may_and_need_to(cast: Cast) -> None:
    question = asked(cast, votes_needed=2)
    oscar = client_of(let_break_glass(cast.oscar))
    address = f"/interrupts/{question.id}/glass/"

    assert f'href="{address}"' in page(oscar, question)
    assert f'href="{address}"' not in page(client_of(cast.alice), question)
    assert client_of(cast.alice).get(address).status_code == 403
    text = words(oscar.get(address))
    assert "You are not one of those who are asked: members of reviewers." in text
    assert "2 approvals are needed, 0 are there." in text
    assert "ORD-48213" in text

    fields = dict(Page(oscar.get(address).content.decode()).posted().items())
    refused = oscar.post(f"/interrupts/{question.id}/decision/", {**fields, "verdict": "approve"})
    assert refused.status_code == 422
    assert "Say why this cannot wait" in words(refused)
    assert 'name="glass" value="1"' in refused.content.decode()
    answer = oscar.post(f"/interrupts/{question.id}/decision/", {**fields, "verdict": "approve", "note": "It burns."})
    assert answer.status_code == 303
    assert Decision.objects.get().decided_via == Via.GLASS

    for path in (f"/t/{question.thread_id}/", "/decisions/"):
        assert "Decided by break glass" in words(oscar.get(path))
    assert "It burns." in told(oscar, question)
    assert oscar.get(address).status_code == 302


def test_breaking_glass_needs_to_say_what_was_seen_like_everything(cast: Cast) -> None:
    question = asked(cast, votes_needed=2)
    oscar = client_of(let_break_glass(cast.oscar))

    answer = oscar.post(f"/interrupts/{question.id}/decision/", {"glass": "1", "verdict": "approve", "note": "Now."})

    assert answer.status_code == 400
    assert not Decision.objects.exists()


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_the_glass_of_several_parts_is_broken_as_a_whole(cast: Cast, verdict: str) -> None:
    question = asked(cast, "batch_camel", votes_needed=2)
    oscar = client_of(let_break_glass(cast.oscar))

    refused = post(oscar, question, verdict=verdict, glass="1")
    assert (refused.status_code, "Say why this cannot wait" in words(refused)) == (422, True)
    assert "marta@example.org" in words(refused)

    assert post(oscar, question, verdict=verdict, glass="1", note="Now.").status_code == 303
    assert [one["type"] for one in Decision.objects.get().answer["decisions"]] == [verdict] * 2


def test_who_can_decide_alone_is_not_led_to_the_glass(cast: Cast) -> None:
    question = asked(cast)
    let_break_glass(cast.alice)

    assert "Break glass" not in told(client_of(cast.alice), question)
    assert "you can decide this in the ordinary way" in words(
        client_of(cast.alice).get(f"/interrupts/{question.id}/glass/")
    )


# ---- JSON --------------------------------------------------------------------------------------------------------


def test_programs_are_told_what_it_came_to(alice: Client, bob: Client, cast: Cast) -> None:
    question = asked(cast, votes_needed=2)
    came = post(alice, question, headers=JSON, verdict="approve").json()
    assert (came["status"], came["approvals"], came["votes_needed"], came["proposal"]) == ("open", 1, 2, False)
    back = alice.post(f"/interrupts/{question.id}/withdrawal/", HTTP_ACCEPT="application/json").json()
    assert (back["interrupt"], back["approvals"]) == (str(question.id), 0)
    assert post(alice, question, headers=JSON, verdict="abstain").json()["verdict"] == "abstain"

    edited = {"verdict": "edit", "arguments": json.dumps({**REFUND, "amount": 41})}
    came = post(bob, question, headers=JSON, **edited).json()
    version = open_question(question.thread)
    assert (came["interrupt"], came["proposal"], came["approvals"]) == (str(version.id), True, 1)
    came = post(alice, version, headers=JSON, verdict="approve").json()
    assert (came["status"], came["verdict"], came["proposal"], came["approvals"]) == ("decided", "approve", False, 2)


def test_a_program_breaks_glass_with_one_field_more(cast: Cast) -> None:
    question = asked(cast, votes_needed=2)
    oscar = client_of(let_break_glass(cast.oscar))

    refused = post(oscar, question, headers=JSON, verdict="approve", glass="1")
    assert (refused.status_code, refused.json()["field"]) == (422, "note")
    came = post(oscar, question, headers=JSON, verdict="approve", glass="1", note="Now.").json()

    assert (came["status"], came["approvals"]) == ("decided", 0)
    assert Event.objects.filter(kind=EventKind.GLASS_BROKEN).count() == 1


def test_a_program_that_sends_a_word_no_button_sends_is_refused(alice: Client, cast: Cast) -> None:
    question = asked(cast)

    for verdict in ("withdraw", "mixed", "odd", ""):
        assert post(alice, question, headers=JSON, verdict=verdict).status_code == 422
    assert not Vote.objects.exists()


def test_the_queue_counts_the_approvals_that_count(alice: Client, cast: Cast) -> None:
    carol = reviewer("carol", cast)
    question = asked(cast, votes_needed=2)
    thread = threads.submit(cast.rita, "bound", {"log": []})
    work_off(thread)
    decide(carol, question, APPROVE)
    decide(carol, open_question(thread), APPROVE)
    assert words(alice.get("/queue/")).count("1 of 2 ") >= 2

    carol.groups.clear()

    assert words(alice.get("/queue/")).count("0 of 2 ") >= 2
