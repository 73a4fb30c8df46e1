"""What changed between two states, as a reviewer sees it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.jsonable import shown
from chains.snapshots import Change, ChangeKind, Channel, State, changes

ADDED, REMOVED, CHANGED, MOVED = ChangeKind.ADDED, ChangeKind.REMOVED, ChangeKind.CHANGED, ChangeKind.MOVED


def state(**values: Any) -> State:
    return State(
        checkpoint_id="c",
        step=0,
        source="loop",
        created_at=datetime.now(UTC),
        channels=tuple(Channel(name, "any", *_parts(value)) for name, value in values.items()),
        messages=(),
        next=(),
        errors=(),
    )


def _parts(value: Any) -> tuple[int, Any, bool]:
    seen = shown(value, limit=1000)
    return seen.size, seen.value, seen.complete


def told(before: State | None, after: State) -> list[tuple[Any, ...]]:
    return [(change.path, change.kind, change.old, change.new) for change in changes(before, after)]


def test_values_inside_of_values_are_told_by_their_path() -> None:
    before = state(refund={"amount": 620, "reason": "late", "currency": "EUR"}, note="x")
    after = state(refund={"amount": 1240, "currency": "EUR", "to": "visa"}, policy={"matched": True})

    assert told(before, after) == [
        ("refund.amount", CHANGED, 620, 1240),
        ("refund.to", ADDED, None, "visa"),
        ("refund.reason", REMOVED, "late", None),
        ("policy", ADDED, None, {"matched": True}),
        ("note", REMOVED, "x", None),
    ]


def test_without_an_earlier_state_everything_was_added() -> None:
    assert told(None, state(a=1, b=[2])) == [("a", ADDED, None, 1), ("b", ADDED, None, [2])]


def test_nothing_changed_between_equal_states() -> None:
    assert told(state(a={"b": [1, {"c": None}]}), state(a={"b": [1, {"c": None}]})) == []


@pytest.mark.parametrize(
    ("old", "new"), [(1, True), (0, False), (1, 1.0), (1, "1"), (None, False), ([], {}), ("", None)]
)
def test_what_python_finds_equal_or_empty_is_still_a_change(old: Any, new: Any) -> None:
    assert told(state(a=[old]), state(a=[new])) == [("a[0]", CHANGED, old, new)]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (["a"], ["a", "b", "c"], [("x[1]", ADDED, None, "b"), ("x[2]", ADDED, None, "c")]),
        (["a", "b", "c"], ["a", "c"], [("x[1]", REMOVED, "b", None)]),
        (["b"], ["a", "b"], [("x[0]", ADDED, None, "a")]),
        ([1, {"k": 1}, 3], [1, {"k": 2}, 3], [("x[1].k", CHANGED, 1, 2)]),
        (["a", "a"], ["a"], [("x[1]", REMOVED, "a", None)]),
    ],
)
def test_lists_leave_out_what_both_begin_and_end_with(old: Any, new: Any, found: Any) -> None:
    assert told(state(x=old), state(x=new)) == found


def test_what_moved_in_a_list_is_told_as_moved_and_the_rest_as_it_is() -> None:
    assert told(state(x=["a", "b", "c", "d"]), state(x=["d", "a", "b", "c"])) == [("x[0]", MOVED, "x[3]", "d")]
    before = state(x=[{"id": "m1", "text": "one"}, {"id": "m2", "text": "two"}])
    after = state(x=[{"id": "m2", "text": "two!"}, {"id": "m0", "text": "new"}, {"id": "m1", "text": "one"}])

    found = told(before, after)

    assert [change[:2] for change in found] == [("x[0]", MOVED), ("x[0].text", CHANGED), ("x[1]", ADDED)]


def test_a_key_that_looks_like_a_path_cannot_pass_for_one() -> None:
    before, after = state(a={"b.c": 1, "b": {"c": 1}}), state(a={"b.c": 2, "b": {"c": 1}})

    assert told(before, after) == [('a["b.c"]', CHANGED, 1, 2)]


def test_what_is_not_listed_is_counted() -> None:
    found = changes(state(a=list(range(10))), state(a=list(range(100, 110))), limit=4)

    assert len(found) == 5
    assert found[-1] == Change(path="…", kind=CHANGED, old=None, new="6 more changes")


def test_a_value_too_long_to_be_compared_says_so() -> None:
    before, after = state(a="x" * 5000 + "1"), state(a="x" * 5000 + "2")

    assert told(before, after) == [("a", CHANGED, None, "… not compared to its end")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab.", max_size=2), inner, max_size=3),
    max_leaves=12,
)


@given(json_values, json_values)
def test_there_are_changes_exactly_when_the_states_differ(old: Any, new: Any) -> None:
    assert bool(told(state(v=old), state(v=new))) == (repr_of(old) != repr_of(new))


def repr_of(value: Any) -> str:
    """True and 1 apart, the order of keys not."""
    if isinstance(value, dict):
        return f"mapping {sorted((key, repr_of(item)) for key, item in value.items())}"
    return repr([repr_of(item) for item in value]) if isinstance(value, list) else repr(value)
