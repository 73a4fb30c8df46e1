"""What the offline agent does next with a request about an order: rules over the calls so far and their results."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chains.offline import letters
from chains.offline.extraction import READ_LIMIT, amount_value
from chains.offline.reading import read
from chains.offline.wishes import read_wishes

LOOK_UP, REFUND, MAIL = "look_up_order", "issue_refund", "send_email"
STEPS = 6
EURO = re.compile(r"€|eur", re.IGNORECASE)
REQUEST = re.compile(r"Customer: (?P<customer>[^\n]*)\nOrder: (?P<order>[^\n]*)\n\n(?P<text>.*)", re.DOTALL)
REJECTED = re.compile(r"User rejected the tool call for `\w+`(?: with reason: (?P<reason>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Call:
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """A call and what came back. `result` is what the tool gave, None when it did not run or refused."""

    call: Call
    content: str
    failed: bool

    @property
    def result(self) -> dict[str, Any] | None:
        """A reviewer's change puts a note before the tool's own line."""
        try:
            found = json.loads(self.content.rpartition("\n")[2])
        except ValueError:
            return None
        return found if isinstance(found, dict) and not self.failed else None

    @property
    def rejection(self) -> str | None:
        """The reviewer's reason, empty when none was given; None when nobody rejected the call."""
        found = REJECTED.match(self.content) if self.failed else None
        return (found["reason"] or "").strip() if found else None

    @property
    def reply(self) -> str | None:
        """What a person said in the tool's place."""
        return None if self.failed or self.result is not None else self.content


Steps = list[list[Done]]


def next_step(request: str, steps: Steps) -> list[Call] | str:
    """Calls to make at once, or the closing words."""
    facts = REQUEST.fullmatch(request[:READ_LIMIT])
    if facts is None:
        return "The request does not name a customer and an order, so nothing was done."
    if not steps:
        return [Call(LOOK_UP, {"order_number": facts["order"]})]
    if len(steps) == 1:
        return _after_looking(facts, steps[0][0])
    calls = list(_after_review(steps[0][0].result or {}, steps[-1])) if len(steps) < STEPS else []
    return calls or " ".join(_summary([done for step in steps[1:] for done in step]))


def _after_looking(facts: re.Match[str], looked_up: Done) -> list[Call] | str:
    order = looked_up.result
    if order is None:
        return f"Nothing was done. {looked_up.content}"
    if _plain(facts["customer"]) != _plain(order["customer"]):
        return f"Order {order['order_number']} is not in the name of {facts['customer']}, so nothing was done."
    return _proposals(order, facts["text"])


def _proposals(order: Mapping[str, Any], text: str) -> list[Call] | str:
    """A refund by itself, since its letter can say only afterwards what came of it; other questions at once."""
    reading = read(text)
    wanted = [intent.name for intent in reading.intents]
    amounts = [found.text for found in reading.entities if found.kind == "amount"]
    if "refund" in wanted and amounts and not EURO.search(amounts[0]):
        return f"The request names {amounts[0]} and the order is in {order['currency']}: a colleague has to decide."
    left = Decimal(order["refundable"])
    asked = amount_value(amounts[0]) if amounts else left
    calls = []
    if "refund" in wanted and left and asked:
        reason = f"The customer writes: {' '.join(text.split())}"
        given = {"order_number": order["order_number"], "amount": f"{min(asked, left):.2f}", "reason": reason[:300]}
        calls.append(Call(REFUND, given))
    if not calls or {*wanted} - {"refund", "complaint"}:
        calls.append(Call(MAIL, letters.status(order, wanted)))
    return calls


def _after_review(order: Mapping[str, Any], step: list[Done]) -> Iterator[Call]:
    """Letters that were sent back with words the rules understand, and what became of refunds."""
    for done in step:
        if done.call.name == MAIL and done.reply is not None and _understood(done.reply):
            yield Call(MAIL, letters.rewritten(done.call.arguments, read_wishes([done.reply])))
        elif done.call.name == REFUND and done.result:
            yield Call(MAIL, letters.refunded(order, done.result))
        elif done.call.name == REFUND and done.rejection is not None:
            yield Call(MAIL, letters.not_refunded(order))


def _summary(calls: list[Done]) -> Iterator[str]:
    for done in calls:
        what = letters.named(done.call.name, done.call.arguments)
        if done.result:
            yield letters.carried_out(done.call.name, done.result)
        elif done.rejection is not None:
            yield f"{what} was rejected{f': {done.rejection}' if done.rejection else '.'}"
        elif done.reply is None:
            yield f"{what} was not carried out: {done.content}"
        elif not _understood(done.reply):
            yield f"{what} was not sent; a reviewer answered: {done.reply}"


def _understood(reply: str) -> bool:
    wishes = read_wishes([reply])
    return not wishes.notes and (wishes.short or wishes.apology or bool(wishes.additions))


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
