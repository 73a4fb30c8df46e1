"""The offline agent's letters and closing words. They state what the shop's records say, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from chains.offline.wishes import Wishes

Facts = Mapping[str, Any]
APOLOGY = "We are sorry for the trouble."
CLOSING = "Kind regards\nCustomer service"


def status(order: Facts, intents: Sequence[str]) -> dict[str, str]:
    """What the records say about the order, for questions of every kind."""
    lines = [f"Thank you for your message about order {order['order_number']} ({order['items']})."]
    if "complaint" in intents:
        lines.append(APOLOGY)
    state = f"Our records say: placed on {order['placed_on']}, {order['status']}."
    if "refund" in intents and order["refundable"] == "0.00":
        state = f"The whole amount of {order['refunded']} {order['currency']} has been refunded already."
    return _letter(order, f"Your order {order['order_number']}", [" ".join(lines), state])


def refunded(order: Facts, result: Facts) -> dict[str, str]:
    """`result` is what was really paid back, whoever changed it on the way."""
    amount = f"{result['refunded']} {result['currency']}"
    lines = [
        f"We have refunded {amount} for order {result['order_number']}, the way it was paid.",
        f"The receipt is {result['receipt']}.",
    ]
    return _letter(order, f"Your refund of {amount}", [" ".join(lines)])


def not_refunded(order: Facts) -> dict[str, str]:
    """Without the reviewer's reason, which was written for colleagues."""
    lines = [f"We have looked into the refund you asked for, for order {order['order_number']}.", "We cannot make it."]
    return _letter(order, f"Your order {order['order_number']}", [" ".join(lines)])


def rewritten(letter: Facts, wishes: Wishes) -> dict[str, str]:
    """The same letter with what a reviewer asked for: shorter, an apology, something added."""
    greeting, *paragraphs, closing = str(letter["text"]).split("\n\n")
    if wishes.short:
        paragraphs = paragraphs[:1]
    if wishes.apology and APOLOGY not in letter["text"]:
        paragraphs.append(APOLOGY)
    paragraphs += [f"{text[:1].upper()}{text[1:]}." for text in wishes.additions]
    return {**letter, "text": "\n\n".join([greeting, *paragraphs, closing])}


def named(tool: str, arguments: Facts) -> str:
    """A call, as the subject of a sentence."""
    if tool == "issue_refund":
        return f"The refund of {arguments.get('amount')} for order {arguments.get('order_number')}"
    return f"The e-mail “{arguments.get('subject')}”"


def carried_out(tool: str, result: Facts) -> str:
    if tool == "issue_refund":
        return (
            f"Refunded {result['refunded']} {result['currency']} of order {result['order_number']} "
            f"(receipt {result['receipt']})."
        )
    return f"Wrote “{result['subject']}” to {result['to']}."


def _letter(order: Facts, subject: str, paragraphs: list[str]) -> dict[str, str]:
    text = "\n\n".join([f"Hello {order['customer']},", *paragraphs, CLOSING])
    return {"to": str(order["email"]), "subject": subject, "text": text}
