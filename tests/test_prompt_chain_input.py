"""What prompt_chain takes: the options of its settings and the form of its requests."""

from typing import Any

import pytest
from pydantic import ValidationError

from chains.graphs.prompt_chain import chain
from chains.graphs.prompt_chain.form import RequestForm
from chains.graphs.prompt_chain.options import BadOption, Options, read_options
from chains.registry import ChainContext


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"review": "sometimes"}, "review is 'sometimes'. Input should be 'always', 'complexity'"),
        ({"review_confidence": 2}, "option review_confidence is 2. Input should be less than or equal to 1"),
        ({"review_confidence": float("nan")}, "option review_confidence is nan"),
        ({"review_complexity": "hard"}, "review_complexity is 'hard'. Input should be 'simple'"),
        ({"review_rounds": -1}, "option review_rounds is -1"),
        ({"reviews": "never"}, "no option 'reviews'. Its options are review, review_complexity"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_named_with_what_is_allowed(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadOption, match=said.replace(".", r"\.")):
        chain.build(ChainContext(options=options))


def test_options_may_come_as_text_from_the_environment() -> None:
    assert read_options({"review_confidence": "0.5", "review_rounds": "2"}) == Options(
        review_confidence=0.5, review_rounds=2
    )


@pytest.mark.parametrize("bad", ["", "   ", "a\x00b", "half \ud83d a pair", "x" * 4001])
def test_the_form_refuses_what_cannot_be_stored_or_answered(bad: str) -> None:
    with pytest.raises(ValidationError):
        RequestForm(request=bad)


def test_the_form_says_what_is_wrong_with_a_broken_character() -> None:
    with pytest.raises(ValidationError, match="half of a surrogate pair"):
        RequestForm(request="half \ud83d a pair")


def test_line_ends_of_a_browser_become_plain_ones() -> None:
    assert RequestForm(request="Hello,\r\nrefund me.\r").request == "Hello,\nrefund me."
