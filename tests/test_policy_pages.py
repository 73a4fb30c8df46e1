"""Policies on their pages: who sees and who changes them, in words, versioned, and never lost."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, expect

from approvals.models import Event, EventKind, Policy, PolicyVersion, Thread
from approvals.models.event import DESK
from approvals.policy_changes import save
from tests.browser import OpenPageFor
from tests.conftest import PASSWORD, Cast
from tests.posting import Page
from tests.stack import Stack
from tests.test_choosing import refund
from tests.test_policy_changes import allow

RULE: dict[str, Any] = {
    "name": "Large refunds", "chain": "support_agent", "action": "issue_refund", "priority": 10, "votes_needed": 1,
    "condition": "double(args.amount) > 500", "decide_within": 14_400, "at_limit": "reject",
}  # fmt: skip
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDPOINT_VAR", str(tmp_path))


@pytest.fixture
def paula(cast: Cast, client: Client) -> User:
    """Who may change policies, and nothing else."""
    found = allow(User.objects.create(username="paula", first_name="Paula", last_name="Berg"))
    client.force_login(found)
    return found


@pytest.fixture
def rule(paula: User) -> Policy:
    return save(paula, None, {**RULE, "reviewers": Group.objects.filter(name="reviewers")})


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def form_of(client: Client, path: str, **changed: Any) -> dict[str, Any]:
    """The form as a browser would send it, with something changed."""
    html = text(client, path).split('<form class="cols"')[1]
    posted = Page(f'<form class="cols"{html}').posted()
    return {**{name: posted.getlist(name) for name in posted}, **changed}


def test_who_sees_policies_and_who_changes_them(client: Client, cast: Cast, rule: Policy) -> None:
    form = form_of(client, f"/policies/{rule.id}/", votes_needed="2")
    for person, seen, changes in (
        (cast.alice, 200, False), (cast.oscar, 200, False), (cast.rita, 403, False), (cast.mallory, 403, False),
    ):  # fmt: skip
        client.force_login(person)
        for path in ("/policies/", f"/policies/{rule.id}/", f"/policies/{rule.id}/versions/"):
            assert client.get(path).status_code == seen, (person, path)
        assert client.get("/policies/new/").status_code == 403
        assert client.post("/policies/new/", form).status_code == 403
        assert client.post(f"/policies/{rule.id}/", form).status_code == 403
        assert client.post(f"/policies/{rule.id}/move/", {"version": "1", "direction": "up"}).status_code == 403
        assert ("<form class=" in text(client, f"/policies/{rule.id}/").split("<main")[1]) is changes
    assert list(Policy.objects.values_list("name", "version")) == [("Large refunds", 1), ("Default", 1)]


def test_the_list_says_each_rule_in_a_sentence_with_its_last_change(client: Client, rule: Policy) -> None:
    words = " ".join(Page(text(client, "/policies/")).text.split())

    said = (
        "When issue_refund is asked by Handle an order and amount is more than 500: one of reviewers, within 4 hours, "
        "else it is rejected."
    )
    assert said in words
    assert "When anything is asked: one of reviewers." in words
    assert words.index("Large refunds") < words.index("Default")
    assert "Version 1, by Paula Berg" in words


def test_looking_never_writes(client: Client, rule: Policy) -> None:
    before = Policy.objects.count(), PolicyVersion.objects.count(), Event.objects.count()
    for path in ("/policies/", "/policies/new/", f"/policies/{rule.id}/", f"/policies/{rule.id}/versions/"):
        assert client.get(path, {"do": "save", "name": "x"}).status_code == 200
    assert client.get(f"/policies/{rule.id}/move/", {"direction": "up", "version": "1"}).status_code == 302
    assert client.get("/policies/987654321/").status_code == 404
    assert (Policy.objects.count(), PolicyVersion.objects.count(), Event.objects.count()) == before


def test_a_form_sent_as_it_is_changes_nothing_and_units_are_kept(client: Client, rule: Policy) -> None:
    form = form_of(client, f"/policies/{rule.id}/")
    assert (form["decide_within_0"], form["decide_within_1"]) == (["4"], ["hour"])

    answer = client.post(f"/policies/{rule.id}/", {**form, "do": "save"}, follow=True)

    assert "Nothing changed: Large refunds is still version 1." in answer.content.decode()


def test_steps_are_entered_as_rows_in_units_and_kept_in_seconds(client: Client, rule: Policy) -> None:
    changed = {
        "reminders-0-after_0": "90", "reminders-0-after_1": "minute",
        "reminders-1-after_0": "1", "reminders-1-after_1": "day",
        "escalations-1-after_0": "2", "escalations-1-after_1": "hour", "escalations-1-groups": ["operators"],
        "accepts": ["late_steps"],
    }  # fmt: skip
    answer = client.post(f"/policies/{rule.id}/", form_of(client, f"/policies/{rule.id}/", **changed))

    assert answer.status_code == 303
    rule.refresh_from_db()
    assert rule.remind_after == [5_400, 86_400]
    assert rule.escalation == [{"after": 7_200, "groups": ["operators"]}]
    cleared = form_of(client, f"/policies/{rule.id}/", **{"reminders-0-after_0": "", "accepts": ["late_steps"]})
    assert (cleared["reminders-1-after_0"], cleared["reminders-1-after_1"]) == (["1"], ["day"])
    client.post(f"/policies/{rule.id}/", cleared)
    rule.refresh_from_db()
    assert rule.remind_after == [86_400]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"condition": "amount > 500"}, "There is no amount"),
        ({"risk": "high", "auto_condition": "args.amount < 1"}, "never approved without people"),
        ({"people": "alice, nobody"}, "Nobody has the user name nobody"),
        ({"decide_within_0": "367", "decide_within_1": "day"}, "at most 366 days"),
        ({"decide_within_0": "soon"}, "whole number"),
        ({"decide_within_1": "year"}, "valid choice"),
        ({"escalations-0-after_0": "1"}, "Give a time and at least one group"),
        ({"reminders-TOTAL_FORMS": "5000"}, "at most 10"),
        ({"chain": "unknown"}, "valid choice"),
        ({"name": "Default"}, "already exists"),
        ({"name": "<b>x</b>\x00"}, "Null characters"),
        ({"version": "0"}, "changed this policy while you were editing"),
    ],
)
def test_what_cannot_be_saved_is_said_and_nothing_typed_is_lost(
    client: Client, rule: Policy, changed: dict[str, Any], said: str
) -> None:
    form = form_of(client, f"/policies/{rule.id}/", **{"reject_reasons": "A <b>reason</b>", **changed})

    answer = client.post(f"/policies/{rule.id}/", form)

    html = answer.content.decode()
    assert answer.status_code in (409, 422)
    assert said in html
    assert "A &lt;b&gt;reason&lt;/b&gt;" in html
    assert "<b>reason" not in html
    assert Policy.objects.get(id=rule.id).version == 1


def test_what_may_not_be_meant_takes_a_tick(client: Client, rule: Policy) -> None:
    form = form_of(client, f"/policies/{rule.id}/", votes_needed="3")

    asked = client.post(f"/policies/{rule.id}/", form)

    assert asked.status_code == 422
    assert "2 people could decide, and 3 must approve." in asked.content.decode()
    assert 'name="accepts" value="too_few"' in asked.content.decode()
    assert client.post(f"/policies/{rule.id}/", {**form, "accepts": "too_few"}).status_code == 303


def test_who_was_first_and_what_they_changed_is_shown(client: Client, cast: Cast, rule: Policy) -> None:
    form = form_of(client, f"/policies/{rule.id}/", risk="low")
    save(allow(cast.oscar), rule.id, {"votes_needed": 2}, seen_version=1, accepts=["just_enough"])

    answer = client.post(f"/policies/{rule.id}/", form)

    words = " ".join(Page(answer.content.decode()).text.split())
    assert answer.status_code == 409
    assert "Oscar Lind changed this policy while you were editing it" in words
    assert "Approvals needed1→2" in words


def test_versions_are_shown_with_what_they_differ_in(client: Client, paula: User, rule: Policy) -> None:
    save(paula, rule.id, {"decide_within": 5_400, "people": [paula], "risk": "high"}, seen_version=1)

    words = " ".join(Page(text(client, f"/policies/{rule.id}/versions/")).text.split())

    assert "Decide within4 hours→90 minutes" in words
    assert "RiskMedium→High" in words
    assert "These people, toonone→paula" in words
    assert words.index("Version 2") < words.index("Version 1")


def test_the_administration_leads_to_the_same_form(client: Client, cast: Cast, rule: Policy) -> None:
    cast.oscar.is_staff = cast.oscar.is_superuser = True
    cast.oscar.save()
    client.force_login(cast.oscar)

    assert client.get("/admin/approvals/policy/").status_code == 200
    assert client.get(f"/admin/approvals/policy/{rule.id}/change/")["Location"] == f"/policies/{rule.id}/"
    assert client.get("/admin/approvals/policy/add/")["Location"] == "/policies/new/"
    assert client.post(f"/admin/approvals/policy/{rule.id}/change/", {"votes_needed": "1"}).status_code == 302
    assert client.post(f"/admin/approvals/policy/{rule.id}/delete/", {"post": "yes"}).status_code == 403
    assert Policy.objects.get(id=rule.id).version == 1


def test_a_question_says_in_words_why_somebody_is_asked(client: Client, cast: Cast, rule: Policy) -> None:
    Policy.objects.filter(id=rule.id).update(condition="double(args.amount) > 5")
    thread = refund(cast, "40.00")
    client.force_login(cast.alice)

    assert "Amount is more than 5." in text(client, f"/t/{thread.id}/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_policies_has_a_barrier_that_axe_knows(
    page_for: OpenPageFor, cast: Cast, rule: Policy, scheme: str
) -> None:
    visitor = page_for("oscar" if allow(cast.oscar) else "", password=PASSWORD, path="/policies/")
    page = visitor.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for path in ("/policies/", "/policies/new/", f"/policies/{rule.id}/", f"/policies/{rule.id}/versions/"):
        for width in (1440, 320):
            page.set_viewport_size({"width": width, "height": 1400})
            page.goto(path)
            found = Axe().run(page, options=RULES).response["violations"]
            assert [(path, width, one["id"], one["nodes"][0]["html"]) for one in found] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
    page.goto(f"/policies/{rule.id}/")
    page.get_by_label("Approvals needed").fill("3")
    page.get_by_role("button", name="Try on the last 30 days").click()
    expect(page.get_by_text("Nothing was asked in the last 30 days")).to_be_visible()
    page.get_by_role("button", name="Save version 2").click()
    expect(page.get_by_text("is this meant?")).to_be_visible()
    assert Axe().run(page, options=RULES).response["violations"] == []
    assert [said for said in visitor.complaints if "422" not in said] == []


def test_without_javascript_a_policy_is_made_tried_and_saved(stack: Stack, cast: Cast, browser: Browser) -> None:
    allow(cast.oscar)
    context = browser.new_context(base_url=stack.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/accounts/login/?next=/policies/new/")
    page.fill("input[name=username]", "oscar")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.get_by_label("Name", exact=True).fill("Large refunds")
    page.get_by_label("Only when").fill("args.amount > 500")
    page.get_by_label("reviewers").first.check()
    page.get_by_role("button", name="Try on the last 30 days").click()
    expect(page.locator("#main")).to_contain_text(
        "When anything is asked and amount is more than 500: one of reviewers"
    )
    page.get_by_role("button", name="Save the policy").click()
    expect(page.locator("#main")).to_contain_text("Large refunds")
    page.get_by_role("button", name=re.compile("Move Large refunds down")).click()
    expect(page.locator(".policy-rows > li").first).to_contain_text("Default")
    context.close()
    assert Event.objects.filter(thread_id=DESK, kind=EventKind.POLICY_CHANGED, actor=cast.oscar).count() >= 2
    assert not Thread.objects.exists()
