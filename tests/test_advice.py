"""What a chain's author advises holds while no policy of the operators' names the chain."""

import pytest

from approvals import threads
from approvals.models import AtLimit, Policy, Risk
from chains.registry import BrokenChain, Chain
from tests.conftest import Cast, open_question, work_off
from tests.graphs.editable import editable


@pytest.fixture(autouse=True)
def advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the author of `editable` had registered a Chain that says so."""
    said = {"risk": "high", "votes_needed": 2, "decide_within": 60, "at_limit": "reject"}
    monkeypatch.setattr("approvals.execution.questions.registry", lambda: {"editable": chain(**said)})


def chain(**policy: object) -> Chain:
    return Chain(name="editable", title="Editable", build=lambda context: editable, policy=policy)


def test_advice_holds_under_the_policy_for_all_chains(cast: Cast) -> None:
    thread = threads.submit(cast.rita, "editable", {"amount": 900})
    work_off(thread)

    question = open_question(thread)
    assert (question.risk, question.votes_needed, question.at_limit) == (Risk.HIGH, 2, AtLimit.REJECT)
    assert question.due_at is not None
    assert question.four_eyes


def test_a_policy_that_names_the_chain_is_not_advised(cast: Cast) -> None:
    named = Policy.objects.create(name="Ours", chain="editable", risk=Risk.LOW)
    named.reviewers.set(Policy.objects.get(name="Default").reviewers.all())
    thread = threads.submit(cast.rita, "editable", {"amount": 900})
    work_off(thread)

    assert (open_question(thread).risk, open_question(thread).votes_needed) == (Risk.LOW, 1)


@pytest.mark.parametrize(
    "said", [{"votes_needed": "two"}, {"risk": "dire"}, {"four_eyes": False}, {"reviewers": ["me"]}]
)
def test_advice_that_cannot_be_followed_breaks_the_chain(said: dict[str, object]) -> None:
    with pytest.raises(BrokenChain):
        chain(**said)
