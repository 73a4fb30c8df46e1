"""The conversation of a thread: what was asked, what reviewers said, what was answered."""

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from chains.asking import Answer
from chains.graphs.prompt_chain.state import State

# Set by this chain alone, so that nobody becomes a reviewer by choosing a display name.
REVIEW_MARK = "holdpoint_review"
EARLIER_MESSAGES = 10


def request_message(text: str, *, request_id: str, author: str) -> HumanMessage:
    return HumanMessage(text, id=request_id, name=author or None)


def review_message(answer: Answer, *, state: State) -> HumanMessage:
    said = _SAID[answer.verdict.value] if not answer.message.strip() else answer.message.strip()
    return HumanMessage(
        said,
        id=f"{_request(state).id}:review:{len(_reviews(state)) + 1}",
        name=answer.reviewer or None,
        additional_kwargs={REVIEW_MARK: answer.verdict.value},
    )


def reply_message(text: str, *, state: State) -> AIMessage:
    """Its id comes from the request's, so a step that runs again replaces the reply instead of adding one."""
    return AIMessage(text, id=f"{_request(state).id}:reply")


def request_text(state: State) -> str:
    return str(_request(state).text)


def reviewer_words(state: State) -> list[str]:
    """What reviewers asked to be changed in the current request, oldest first."""
    return [str(review.text) for review in _reviews(state) if review.additional_kwargs[REVIEW_MARK] == "respond"]


def is_approved(state: State) -> bool:
    """Whether people, not a model, have the last word on the current request's content."""
    reviews = _reviews(state)
    return bool(reviews) and reviews[-1].additional_kwargs[REVIEW_MARK] in ("approve", "edit")


def earlier(state: State) -> list[dict[str, str]]:
    """The last few requests and replies before the current one; reviewers' words stay inside the house."""
    said = [message for message in state["messages"][: _position(state)] if not _is_review(message)]
    return [{"from": _speaker(message), "text": str(message.text)} for message in said[-EARLIER_MESSAGES:]]


class NothingAsked(ValueError):
    """The chain was started without a request."""


_SAID = {
    "approve": "Approved.",
    "edit": "Approved with changes.",
    "reject": "Rejected.",
    "respond": "Please write it again.",
}


def _request(state: State) -> AnyMessage:
    return state["messages"][_position(state)]


def _reviews(state: State) -> list[AnyMessage]:
    return [message for message in state["messages"][_position(state) :] if _is_review(message)]


def _position(state: State) -> int:
    """Where the current request stands: the last human message that is not a reviewer's."""
    for index in range(len(state["messages"]) - 1, -1, -1):
        message = state["messages"][index]
        if isinstance(message, HumanMessage) and not _is_review(message):
            return index
    raise NothingAsked("Give the chain a request: a human message in `messages`.")


def _is_review(message: AnyMessage) -> bool:
    return REVIEW_MARK in message.additional_kwargs


def _speaker(message: AnyMessage) -> str:
    return "reply" if isinstance(message, AIMessage) else "requester"
