"""Policies change by one verb: under a permission, as versions and lines of the record, never for open questions."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from approvals import policy_changes
from approvals.choosing import Asking, choose, hold_policies
from approvals.models import AtLimit, Calendar, Event, EventKind, Interrupt, Policy, PolicyVersion, Risk, Thread
from approvals.models.event import DESK
from approvals.policies import NotAllowed
from approvals.policy_changes import LastDefault, Stale, Unsure, move, save, set_active
from approvals.policy_rules import covers_everything
from tests.conftest import Cast, open_question

REFUNDS: dict[str, Any] = {"name": "Refunds", "chain": "support_agent", "action": "issue_refund", "priority": 10}


def allow(person: User) -> User:
    """The permission of its own; being an operator is not enough."""
    person.user_permissions.add(Permission.objects.get(codename="change_policy", content_type__app_label="approvals"))
    return User.objects.get(id=person.id)


@pytest.fixture
def paula(cast: Cast) -> User:
    return allow(User.objects.create(username="paula", first_name="Paula", last_name="Berg"))


@pytest.fixture
def reviewers(cast: Cast) -> Group:
    return Group.objects.get(name="reviewers")


def fields(group: Group, **other: Any) -> dict[str, Any]:
    return {**REFUNDS, "reviewers": [group], **other}


def lines() -> list[Event]:
    return list(Event.objects.filter(thread_id=DESK, kind=EventKind.POLICY_CHANGED).order_by("seq"))


def problems(paula: User, group: Group, **other: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as found:
        save(paula, None, fields(group, **other))
    assert not Policy.objects.filter(name="Refunds").exists()
    return dict(found.value.message_dict)


@pytest.mark.parametrize("name", ["rita", "alice", "oscar", "mallory"])
def test_only_people_with_the_permission_change_policies(cast: Cast, reviewers: Group, name: str) -> None:
    with pytest.raises(NotAllowed, match="permission of its own"):
        save(getattr(cast, name), None, fields(reviewers))
    with pytest.raises(NotAllowed):
        move(getattr(cast, name), Policy.objects.get().id, up=True, seen_version=1)
    assert not lines()


def test_each_change_is_a_version_and_a_line_of_the_record(paula: User, reviewers: Group) -> None:
    made = save(paula, None, fields(reviewers))
    calendar = Calendar.objects.create(name="Office")
    changed = save(paula, made.id, {"risk": Risk.HIGH, "calendar": calendar, "people": [paula]}, seen_version=1)

    assert (made.version, changed.version) == (1, 2)
    kept = PolicyVersion.objects.filter(policy=made)
    assert [(one.version, one.changed_by_name, one.content["risk"]) for one in kept] == [
        (2, "Paula Berg", "high"),
        (1, "Paula Berg", "medium"),
    ]
    last = lines()[-1]
    assert (last.actor_name, last.data["policy"], last.data["version"]) == ("Paula Berg", "Refunds", 2)
    assert last.data["changed"] == {
        "risk": {"before": "medium", "after": "high"},
        "calendar": {"before": "", "after": "Office"},
        "people": {"before": [], "after": ["paula"]},
    }
    assert all(line.is_sealed for line in lines())


def test_what_changes_nothing_is_no_version(paula: User, reviewers: Group) -> None:
    made = save(paula, None, fields(reviewers))

    assert save(paula, made.id, fields(reviewers), seen_version=1).version == 1
    assert (len(lines()), PolicyVersion.objects.count()) == (1, 1)


def test_the_first_change_of_what_came_with_the_installation_keeps_what_it_was(paula: User, cast: Cast) -> None:
    default = Policy.objects.get(name="Default")

    save(paula, default.id, {"votes_needed": 2}, seen_version=1, accepts=["just_enough"])

    kept = PolicyVersion.objects.filter(policy=default)
    assert [(one.version, one.content["votes_needed"]) for one in kept] == [(2, 2), (1, 1)]


def test_a_change_on_an_old_version_is_refused_with_who_was_first(paula: User, cast: Cast, reviewers: Group) -> None:
    made = save(paula, None, fields(reviewers))
    save(allow(cast.oscar), made.id, {"votes_needed": 2}, seen_version=1, accepts=["just_enough"])

    acts: list[Callable[[], Policy]] = [
        lambda: save(paula, made.id, {"risk": Risk.LOW}, seen_version=1),
        lambda: set_active(paula, made.id, False, seen_version=1),
        lambda: move(paula, made.id, up=False, seen_version=1),
    ]
    for act in acts:
        with pytest.raises(Stale, match="Oscar Lind changed this policy while you were editing it: it is version 2"):
            act()
    assert Policy.objects.get(id=made.id).risk == Risk.MEDIUM


def test_high_risk_is_never_approved_by_itself(paula: User, reviewers: Group) -> None:
    found = problems(paula, reviewers, risk=Risk.HIGH, auto_condition="args.amount < 20")
    assert found == {"auto_condition": ["What is of high risk is never approved without people. "
                                        "Leave this empty, or choose a lower risk."]}  # fmt: skip
    found = problems(paula, reviewers, risk=Risk.CRITICAL, at_limit=AtLimit.APPROVE, decide_within=60)
    assert list(found) == ["at_limit"]


def test_each_field_is_bounded_in_words(paula: User, reviewers: Group) -> None:
    step = {"after": 60, "groups": ["reviewers"]}
    wrong: list[tuple[str, Any]] = [
        ("condition", "args.amount >"),
        ("auto_condition", "amount < 1"),
        ("remind_after", [60] * 11),
        ("remind_after", [367 * 86_400]),
        ("decide_within", 367 * 86_400),
        ("start_within", 0),
        ("votes_needed", 0),
        ("votes_needed", 21),
        ("undo_seconds", 61),
        ("sampled_percent", 101),
        ("risk", "dire"),
        ("edits", "some"),
        ("priority", 10**6),
        ("name", ""),
        ("name", "Default"),
        ("escalation", [step] * 6),
        ("escalation", [{"after": 60, "groups": []}]),
        ("escalation", [{"after": 367 * 86_400, "groups": ["reviewers"]}]),
        ("escalation", [{"after": 60, "groups": ["nobody knows it"]}]),
        ("escalation", {"after": 60}),
        ("reject_reasons", ["x"] * 51),
    ]
    for name, value in wrong:
        assert name in problems(paula, reviewers, **{name: value}), (name, value)
    assert list(problems(paula, reviewers, at_limit=AtLimit.REJECT)) == ["decide_within"]


def test_a_policy_that_nobody_could_decide_is_saved_only_when_that_is_meant(paula: User, reviewers: Group) -> None:
    with pytest.raises(Unsure, match="waits until an operator steps in") as asked:
        save(paula, None, fields(reviewers, reviewers=[]))
    assert list(asked.value.warnings) == ["nobody"]
    assert not Policy.objects.filter(name="Refunds").exists()
    assert save(paula, None, fields(reviewers, reviewers=[]), accepts=["nobody"]).version == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("too_few", {"votes_needed": 3}),
        ("just_enough", {"votes_needed": 2}),
        ("no_managers", {"asks_manager": True}),
        ("late_steps", {"decide_within": 60, "remind_after": [60]}),
        ("never_sampled", {"auto_condition": "args.amount < 20", "sampled_percent": 0}),
        ("hidden", {"priority": -2000}),
    ],
)
def test_what_may_not_be_meant_is_asked_about(paula: User, reviewers: Group, code: str, said: dict[str, Any]) -> None:
    with pytest.raises(Unsure) as asked:
        save(paula, None, fields(reviewers, **said))
    assert list(asked.value.warnings) == [code]
    with pytest.raises(Unsure):
        save(paula, None, fields(reviewers, **said), accepts=["another"])
    save(paula, None, fields(reviewers, **said), accepts=[code])


def test_people_who_left_are_not_counted(paula: User, cast: Cast, reviewers: Group) -> None:
    User.objects.filter(username="bob").update(is_active=False)

    with pytest.raises(Unsure) as asked:
        save(paula, None, fields(reviewers, votes_needed=2))

    assert asked.value.warnings["too_few"] == "One person could decide, and 2 must approve."


@pytest.mark.parametrize(
    "narrowed", [{"is_active": False}, {"chain": "slow"}, {"action": "pay"}, {"condition": "args.amount > 1"}]
)
def test_the_last_policy_that_covers_everything_stays(paula: User, cast: Cast, narrowed: dict[str, Any]) -> None:
    default = Policy.objects.get(name="Default")

    with pytest.raises(LastDefault):
        save(paula, default.id, narrowed, seen_version=1)

    default.refresh_from_db()
    assert (default.version, default.is_active, default.chain) == (1, True, "")
    assert not lines()


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_cannot_take_the_last_two_out_of_use(
    transactional_db: None, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each looks at what the other has not committed yet, if they can get so far together."""
    paula = allow(cast.oscar)
    other = Policy.objects.create(name="Other")
    other.reviewers.set(Group.objects.filter(name="reviewers"))
    meeting, refused = threading.Barrier(2), []

    def meet(policy: Policy) -> bool:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=1)
        return covers_everything(policy)

    monkeypatch.setattr(policy_changes, "covers_everything", meet)

    def take_out(policy: Policy) -> None:
        try:
            set_active(paula, policy.id, False, seen_version=1)
        except LastDefault:
            refused.append(policy.name)
        finally:
            connection.close()

    both = [threading.Thread(target=take_out, args=(policy,)) for policy in Policy.objects.all()]
    for one in both:
        one.start()
    for one in both:
        one.join(timeout=30)

    assert len(refused) == 1
    assert Policy.objects.filter(is_active=True).count() == 1


def test_moving_changes_the_order_and_nothing_is_left_equal(paula: User, cast: Cast, reviewers: Group) -> None:
    first, _, third = (save(paula, None, fields(reviewers, name=name, action=name)) for name in ("one", "two", "three"))
    assert list(Policy.objects.values_list("name", flat=True)) == ["one", "two", "three", "Default"]

    move(paula, third.id, up=True, seen_version=1)

    assert list(Policy.objects.values_list("name", flat=True)) == ["one", "three", "two", "Default"]
    assert len(set(Policy.objects.values_list("priority", flat=True))) == 4
    version = Policy.objects.get(id=first.id).version
    move(paula, first.id, up=True, seen_version=version)
    assert Policy.objects.get(id=first.id).version == version
    assert [line.data["policy"] for line in lines()[3:]] == ["one", "three"]


def test_open_questions_are_untouched_by_any_change(paula: User, cast: Cast, paused: Thread) -> None:
    before = Interrupt.objects.filter(thread=paused).values().get()
    default = Policy.objects.get(name="Default")
    changes: dict[str, Any] = {
        "name": "Renamed", "votes_needed": 2, "risk": Risk.CRITICAL, "four_eyes": False, "decide_within": 60,
        "at_limit": AtLimit.REJECT, "people": [cast.oscar], "reviewers": [], "remind_after": [30], "undo_seconds": 60,
    }  # fmt: skip

    save(paula, default.id, changes, seen_version=1, accepts=["too_few"])

    assert Interrupt.objects.filter(thread=paused).values().get() == before
    assert open_question(paused).ruled.version == 1


@pytest.mark.django_db(transaction=True)
def test_a_question_is_asked_under_a_policy_as_it_was_or_as_it_is_never_half_of_each(
    transactional_db: None, cast: Cast
) -> None:
    """Its groups are read after its columns: meanwhile nobody may change it."""
    what = Asking("editable", "act", None, {}, (("pay", {}),))
    found: list[str] = []

    def ask() -> None:
        with transaction.atomic():
            found.append(choose(what).policy.name)
        connection.close()

    with transaction.atomic():
        hold_policies(to_change=True)
        Policy.objects.update(name="Half changed")
        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(timeout=1)
        assert asking.is_alive()
        Policy.objects.update(name="Changed")
    asking.join(timeout=20)

    assert found == ["Changed"]
