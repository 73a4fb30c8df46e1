"""Conditions of policies: what is refused when a policy is saved, what is unclear, and that none takes long."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.conditions import BadCondition, Unclear, check, holds
from approvals.policy_words import condition_in_words

FACTS: dict[str, Any] = {
    "args": {"amount": 900, "text": "40.00", "items": [{"price": 3}, {"price": 700}], "none": None},
    "action": "issue_refund",
    "node": "act",
    "chain": "support_agent",
    "requester": "rita",
    "groups": ["requesters", "vip"],
    "input": {"customer": "Marta"},
}
GOOD = (
    "args.amount > 500",
    "args.amount > 500.5 && action == 'issue_refund'",
    "double(args.text) > 500.0",
    "args.items.exists(i, i.price > 500)",
    "args.items.all(i, i.price in [3, 700])",
    "'vip' in groups",
    "groups.exists(g, g == 'vip')",
    "has(args.amount) && size(args.items) > 1",
    "args.text.matches('^[0-9.]+$')",
    'args.text == "it\'s // not a comment"',
    "input.customer.startsWith('M')",
    "type(args.amount) == int",
)
BAD = {
    "args.amount >": "ends too early",
    "args.amount > 500)": "character 18",
    "amount > 500": "There is no amount",
    "args.amount > 500 && amount > 1": "There is no amount",
    "has(args.nothing) && refund(args.nothing)": "no function refund",
    "1 + 1": "neither true nor false",
    "args.x.matches('[')": "valid regex",
    "args.x.matches(args.y)": "pattern of matches in quotes",
    "args.x.exists(i, i.exists(j, j > 1))": "once at most",
    "args.x.exists(i, i > 1) && args.y.existsOne(i, i > 1)": "once at most",
    "args.x.exists(i, i in args.x)": "the value alone",
    "args.x.exists(i, i in .args.x)": "the value alone",
    "args.x.exists(i, i.matches('a'))": "the value alone",
    "args.x.filter(i, i > 1).size() > 3": "exists, exists_one or all",
    "args.x.map(i, i) == [1]": "exists, exists_one or all",
    "args.x.//\nexists(i, i.//\nexists(j, true))": "on one line",
    "args.x // exists": "no comments",
    "r'\\' == args.x": "plain quotes",
    "x" * 501: "at most 500",
    "(" * 200 + "true" + ")" * 200: "not a condition",
}


@pytest.mark.parametrize("condition", GOOD)
def test_what_is_a_condition_is_taken_and_can_be_told(condition: str) -> None:
    check(condition)
    assert isinstance(holds(condition, FACTS), bool)


@pytest.mark.parametrize("condition", BAD)
def test_what_is_none_is_refused_with_what_to_change(condition: str) -> None:
    with pytest.raises(BadCondition, match=BAD[condition]):
        check(condition)


@pytest.mark.parametrize(
    "condition",
    [
        "args.missing > 1",
        "args.text > 500",
        "args.none > 1",
        "args.amount / 0 > 1",
        "args.amount",
        "int(args.text) > 1",
    ],
)
def test_what_cannot_be_told_is_unclear(condition: str) -> None:
    check(condition)
    with pytest.raises(Unclear):
        holds(condition, FACTS)


def test_a_short_circuit_decides_although_the_rest_cannot_be_told() -> None:
    assert holds("args.amount > 500 || args.missing > 1", FACTS)
    assert not holds("args.amount < 500 && args.missing > 1", FACTS)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [nested(201), nested(100_000), list(range(10_001)), "\ud800", 10**400])
def test_what_is_too_much_or_no_text_is_unclear_at_once(value: Any) -> None:
    """The library walks by recursion, in C: without a bound a deep value ends the process."""
    begun = time.monotonic()
    with pytest.raises(Unclear):
        holds("args.x.exists(i, i == 5000000)", {"args": {"x": value}})
    assert time.monotonic() - begun < 2


def test_the_slowest_condition_on_a_megabyte_takes_seconds_at_most() -> None:
    """One walk with all the comparisons that fit, over as many values as it may; and plain work on a megabyte."""
    walk = f"args.x.exists(i, {'||'.join(f'i=={number}' for number in range(10, 78))})"
    check(walk)
    begun = time.monotonic()
    assert not holds(walk, {"args": {"x": [1] * 9_990}})
    walked = time.monotonic() - begun
    begun = time.monotonic()
    assert not holds("args.x == args.y", {"args": {"x": [1] * 500_000, "y": "a" * 1_000_000}})
    print(f"a walk took {walked:.2f} s, a megabyte {time.monotonic() - begun:.2f} s")
    assert time.monotonic() - begun + walked < 10


def test_comparisons_read_as_words_and_the_rest_as_it_is_written() -> None:
    assert condition_in_words("args.amount > 500") == "amount is more than 500"
    said = condition_in_words("double(args.order_total) <= 20.5 && args.to != 'boss'")
    assert said == "order total is at most 20.5 and to is not “boss”"
    assert condition_in_words("args.a > 1 || args.b > 1") == "args.a > 1 || args.b > 1 holds"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=10),
    lambda parts: (
        st.lists(parts, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "amount"]), parts, max_size=3)
    ),
    max_leaves=12,
)
TERMS = st.sampled_from(
    ["args.a", "args.b", "args.amount", "args['a']", "args.a[0]", "input.a", "action", "size(args.a)", "groups",
     "double(args.a)", "int(args.b)", "string(args.a)", "'x'", "1", "2.5", "-1", "true", "null", "[1]", "{'a': 1}",
     "args.a.exists(i, i == 1)", "args.b.all(i, i > 'x')", "duration('1h')", "timestamp(args.a)", "args.a.b"]
)  # fmt: skip
CONDITIONS = st.recursive(
    TERMS,
    lambda part: (
        st.tuples(part, st.sampled_from(["==", "!=", "<", ">=", "in", "+", "-", "*", "/", "%", "&&", "||"]), part).map(
            lambda found: f"({found[0]} {found[1]} {found[2]})"
        )
        | part.map(lambda found: f"!{found}")
        | st.tuples(part, part, part).map(lambda found: f"({found[0]} ? {found[1]} : {found[2]})")
    ),
    max_leaves=5,
)


@settings(max_examples=400)
@given(CONDITIONS | st.text(max_size=40), JSON, JSON)
def test_a_condition_that_was_taken_holds_or_does_not_or_is_unclear(condition: str, args: Any, given_: Any) -> None:
    with suppress(BadCondition):
        check(condition)
        facts = {**FACTS, "args": args if isinstance(args, dict) else {"a": args}, "input": {"a": given_}}
        with suppress(Unclear):
            assert holds(condition, facts) in (True, False)
