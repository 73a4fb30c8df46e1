"""One decision in LangChain's words, the same in a batch and for a single call."""

from collections.abc import Mapping
from typing import Any

from chains.asking import Verdict
from chains.questions.checking import require_declared, require_edit, require_words
from chains.questions.shapes import BadAnswer, Item, Reply


def decision(item: Item, reply: Reply, *, tools: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """A rejection without words says no `message` at all, so that the model is told not to try again."""
    if reply.verdict is Verdict.APPROVE:
        return {"type": "approve"}
    if reply.verdict is Verdict.EDIT:
        return {"type": "edit", item.edit_key: _edited(item, reply, tools)}
    if reply.verdict is Verdict.RESPOND:
        return {"type": "respond", "message": require_words(reply.message)}
    return {"type": "reject", "message": reply.message} if reply.message.strip() else {"type": "reject"}


def _edited(item: Item, reply: Reply, tools: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Another tool must be one of the graph's own: an unknown name would leave the thread beyond repair."""
    action = reply.action or item.action
    if action == item.action:
        proposed, schema = item.arguments, item.schema
    elif action in tools:
        proposed, schema = {}, tools[action]
    else:
        known = ", ".join(sorted(tools)) or "none that is known"
        raise BadAnswer(f"The graph has no tool {action}. It has: {known}.", "action")
    require_edit(reply.arguments, proposed=proposed, schema=schema)
    require_declared(reply.arguments, proposed=proposed, schema=schema)
    return {"name": action, "args": reply.arguments}
