"""HumanInterrupt, as LangGraph's agents asked before LangChain 1.0: one object, a list of them, or either as JSON text.

Its answer is a list in every case, one response for each request, since graphs read `interrupt(request)[0]`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chains.asking import Verdict
from chains.questions.checking import fits, require_edit, require_words
from chains.questions.jsontext import parse
from chains.questions.shapes import Item, Kind, Question, Reply, require, title_of

MOST_REQUESTS = 100
# The flag that allows it, and the verdict. Ignoring is this format's only way to say no.
FLAGS = {
    "allow_accept": Verdict.APPROVE,
    "allow_edit": Verdict.EDIT,
    "allow_ignore": Verdict.REJECT,
    "allow_respond": Verdict.RESPOND,
}
MARKS = {"action_request", "config"}


def read(value: Any, *, tools: Mapping[str, dict[str, Any]]) -> Question | None:
    requests = _requests(value)
    if not any(isinstance(request, Mapping) and request.keys() >= MARKS for request in requests):
        return None
    require(len(requests) <= MOST_REQUESTS, f"It asks more than {MOST_REQUESTS} things at once.")
    return Question(Kind.LEGACY, tuple(_item(request, tools) for request in requests), tools=tools)


def answer(item: Item, reply: Reply) -> dict[str, Any]:
    """Accepting sends the request back: some graphs read it there, the others do not look."""
    if reply.verdict is Verdict.APPROVE:
        return {"type": "accept", "args": item.request}
    if reply.verdict is Verdict.RESPOND:
        return {"type": "response", "args": require_words(reply.message)}
    if reply.verdict is Verdict.REJECT:
        return {"type": "ignore", "args": None}
    require_edit(reply.arguments, proposed=item.arguments, schema=item.schema)
    return {"type": "edit", "args": {"action": reply.action or item.action, "args": reply.arguments}}


def _requests(value: Any) -> Sequence[Any]:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = parse(value)
    return value if isinstance(value, list) else [value]


def _item(request: Any, tools: Mapping[str, dict[str, Any]]) -> Item:
    require(isinstance(request, Mapping) and request.keys() >= MARKS, "One of its requests is of another format.")
    wanted, description = request["action_request"], request.get("description")
    require(isinstance(wanted, Mapping), "What it wants to do is not a set of named values.")
    action, arguments = wanted.get("action"), wanted.get("args")
    require(isinstance(action, str) and bool(action.strip()), "What it wants to do has no name.")
    require(isinstance(arguments, dict), "Its arguments are not a set of named values.")
    require(description is None or isinstance(description, str), "Its description is not text.")
    schema = tools.get(str(action))
    return Item(
        action=str(action),
        title=title_of(str(action)),
        description=description or "",
        arguments=arguments,
        allowed=_allowed(request["config"]),
        schema=schema if schema and fits(arguments, schema) else None,
        silent=(Verdict.REJECT,),
        request=wanted,
    )


def _allowed(config: Any) -> tuple[Verdict, ...]:
    require(isinstance(config, Mapping), "Its rules are not a set of named values.")
    flags = {flag: config.get(flag, False) for flag in FLAGS}
    require(all(isinstance(flag, bool) for flag in flags.values()), "One of its rules is neither true nor false.")
    allowed = tuple(verdict for flag, verdict in FLAGS.items() if flags[flag])
    require(bool(allowed), "It allows no answer at all.")
    return allowed
