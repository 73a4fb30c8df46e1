"""What one reviewer wants done with one question, and whether it may be stored."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from approvals import inspection
from approvals.inspection import BadAnswer, Question, Reply
from approvals.models import Edits, Interrupt, QuestionKind, Rules, Verdict, Via
from approvals.schemaforms.values import MAX_BYTES, can_store, json_size, unkeepable

LONGEST_NOTE = 4_000
SEND_BACK = "Say what should change."
ANSWER = "Write your answer."
REJECT = "Say why you reject it."
TOO_DEEP = "This is nested too deeply to be kept."
TOO_LARGE = f"This is too large. At most {MAX_BYTES // 1024} kB can be kept."
NO_EDITS = "What is asked here cannot be edited. Send it back instead."
NOT_EDITABLE = "This cannot be changed here. Send the request back instead."
SEVERAL_MIXED = "More than one person must approve this, so decide all of it alike: approve, reject or respond to all."
APPROVE_WORDS = "Say why you approve it."
GLASS_WORDS = "Say why this cannot wait for the people it was put to. It stays in the record."
CHOOSE_REASON = "Choose a reason for rejecting it."
NOT_A_DECISION = "Withdraw your vote instead."
GLASS_IS_PLAIN = "By break glass you approve or reject the whole of it, as it stands."


@dataclass(frozen=True)
class Seen:
    """What the person had on screen, as their form says. Every client must send all three."""

    interrupt_id: str
    checkpoint_id: str
    payload_sha256: str


@dataclass(frozen=True)
class Ballot:
    """What the person wants: a verdict, edited arguments for an edit, words for a rejection or an answer.

    `replies`, one for each part of the question, say it part by part; without them it is said of every part.
    `breaks_glass` decides alone, past who was asked and how many.
    """

    verdict: Verdict
    seen: Seen
    arguments: Any = None
    note: str = ""
    key: str = ""
    via: Via = Via.PAGE
    replies: tuple[Reply, ...] = ()
    reason_code: str = ""
    breaks_glass: bool = False

    @classmethod
    def of_parts(cls, replies: Sequence[Reply], seen: Seen, *, note: str = "", key: str = "") -> "Ballot":
        return cls(outcome(replies), seen, note=note, key=key, replies=tuple(replies))

    @property
    def edits(self) -> bool:
        """Whether it changes what is asked."""
        return Verdict.EDIT in {self.verdict, *(reply.verdict for reply in self.replies)}

    @property
    def parts(self) -> list[dict[str, Any]]:
        """For the record: what was said of each part, and what an edit put in its place."""
        return [_told(reply) for reply in self.replies or [Reply(self.verdict, self.arguments, self.note)]]


def outcome(replies: Sequence[Reply]) -> Verdict:
    """The verdict on the whole: that of its parts when they have one, else that they differ."""
    verdicts = {Verdict(reply.verdict) for reply in replies}
    return verdicts.pop() if len(verdicts) == 1 else Verdict.MIXED


def answer_of(interrupt: Interrupt, ballot: Ballot, *, reviewer: str) -> Any:
    """The value the node will receive. Raises BadAnswer before anything is stored; its `item` counts from 0."""
    question = inspection.question_of(interrupt)
    replies = replies_of(interrupt, ballot)
    refuse_bad_text(ballot.note)
    if ballot.breaks_glass:
        _require_glass(ballot)
    for number, reply in enumerate(replies):
        refuse_bad_text(reply.message, number)
        _refuse_unkeepable(reply.arguments, number)
        _require_words(question, reply, number)
    _require_what_policy_asks(interrupt.ruled, question, ballot, replies)
    if (interrupt.votes_needed > 1 or interrupt.is_proposal) and not ballot.edits:
        _require_one_mind(ballot)
    try:
        answer = inspection.build_answer(interrupt, replies, reviewer=reviewer)
    except RecursionError as error:
        raise BadAnswer(TOO_DEEP, "note") from error
    _refuse_unkeepable(answer, None)
    return answer


def replies_of(interrupt: Interrupt, ballot: Ballot) -> tuple[Reply, ...]:
    """One for each part. Who approves what another made of a part says what that one said of it."""
    replies = tuple(_replies(inspection.question_of(interrupt), ballot))
    if not interrupt.is_proposal:
        return replies
    pairs = zip(replies, proposed(interrupt), strict=True)
    return tuple(made if reply.verdict == Verdict.APPROVE else reply for reply, made in pairs)


def kept(replies: Sequence[Reply]) -> list[dict[str, Any]]:
    """As JSON, for a proposal."""
    return [{**asdict(reply), "verdict": str(reply.verdict)} for reply in replies]


def proposed(interrupt: Interrupt) -> Iterator[Reply]:
    """What a reviewer made of each part of the question."""
    for reply in interrupt.proposal or ():
        yield Reply(**{**reply, "verdict": Verdict(reply["verdict"])})


def refuse_bad_text(text: str, number: int | None = None) -> None:
    """Raises BadAnswer."""
    if len(text) > LONGEST_NOTE or not can_store(text):
        raise BadAnswer(f"Write at most {LONGEST_NOTE} ordinary characters.", "note", number)


def _replies(question: Question, ballot: Ballot) -> Iterator[Reply]:
    parts = len(question.items)
    if ballot.verdict != (outcome(ballot.replies) if ballot.replies else ballot.verdict):
        raise BadAnswer("The verdict is not what its parts come to.")
    if ballot.verdict in {Verdict.ABSTAIN, Verdict.WITHDRAW}:
        raise BadAnswer(NOT_A_DECISION)
    if not ballot.replies and ballot.verdict == Verdict.MIXED:
        raise BadAnswer("Give each part a verdict of its own.")
    if ballot.replies and len(ballot.replies) != parts:
        raise BadAnswer(f"This question has {parts} parts and you decided {len(ballot.replies)}. Decide all of them.")
    yield from ballot.replies or [Reply(ballot.verdict, ballot.arguments, ballot.note)] * parts


def _refuse_unkeepable(value: Any, number: int | None) -> None:
    """What JSON or the database could not hold must not get as far as either."""
    for path, said in unkeepable(value):
        raise BadAnswer(said, ".".join(map(str, path)), number)
    if json_size(value) > MAX_BYTES:
        raise BadAnswer(TOO_LARGE, "", number)


def _require_words(question: Question, reply: Reply, number: int) -> None:
    """A rejection is explained, and an answer is not empty; one with a schema may well be null."""
    is_answered = reply.arguments is not None or question.kind.value == QuestionKind.SCHEMA
    needs_words = reply.verdict in {Verdict.REJECT, Verdict.RESPOND} and not is_answered
    if needs_words and not reply.message.strip():
        respond = SEND_BACK if question.kind.value == QuestionKind.BOUND else ANSWER
        raise BadAnswer(REJECT if reply.verdict == Verdict.REJECT else respond, "note", number)


def _require_what_policy_asks(rules: Rules, question: Question, ballot: Ballot, replies: Sequence[Reply]) -> None:
    verdicts = {reply.verdict for reply in replies}
    if ballot.edits:
        _require_editable(rules, question, replies)
    is_explained = ballot.note.strip() or any(reply.message.strip() for reply in replies)
    if rules.approval_needs_note and verdicts & {Verdict.APPROVE, Verdict.EDIT} and not is_explained:
        raise BadAnswer(APPROVE_WORDS, "note")
    chooses = ballot.verdict == Verdict.REJECT and not ballot.breaks_glass
    if chooses and rules.reject_reasons and ballot.reason_code not in rules.reject_reasons:
        raise BadAnswer(CHOOSE_REASON, "reason_code")


def _require_glass(ballot: Ballot) -> None:
    if ballot.verdict not in {Verdict.APPROVE, Verdict.REJECT}:
        raise BadAnswer(GLASS_IS_PLAIN, "verdict")
    if not ballot.note.strip():
        raise BadAnswer(GLASS_WORDS, "note")


def _require_editable(rules: Rules, question: Question, replies: Sequence[Reply]) -> None:
    if rules.edits == Edits.NONE:
        raise BadAnswer(NO_EDITS)
    if not rules.editable:
        return
    for number, (item, reply) in enumerate(zip(question.items, replies, strict=True)):
        if reply.verdict == Verdict.EDIT:
            for name in _changed(item.arguments, reply.arguments) - set(rules.editable):
                raise BadAnswer(NOT_EDITABLE, name, number)


def _changed(before: Any, after: Any) -> set[str]:
    """Names of arguments that differ; those that are no object are one unnamed whole."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return set() if _is_same(before, after) else {""}
    both = before.keys() & after.keys()
    return (before.keys() ^ after.keys()) | {name for name in both if not _is_same(before[name], after[name])}


def _is_same(one: Any, two: Any) -> bool:
    """As JSON: Python finds 1, 1.0 and True equal."""
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


def _require_one_mind(ballot: Ballot) -> None:
    """Votes are counted, so what they say must be one thing."""
    if ballot.verdict == Verdict.MIXED:
        raise BadAnswer(SEVERAL_MIXED)


def _told(reply: Reply) -> dict[str, Any]:
    told: dict[str, Any] = {"verdict": str(reply.verdict), "message": reply.message}
    return told if reply.arguments is None else {**told, "arguments": reply.arguments}
