"""ask_human(): the question that checks on resume what its answer was about."""

from collections.abc import Mapping
from typing import Any

from chains.asking import MARK, VERSION, Verdict
from chains.questions.checking import require_edit
from chains.questions.shapes import Item, Kind, Question, Reply, require, verdicts_of

KNOWN = {verdict.value: verdict for verdict in Verdict}


def read(value: Any) -> Question | None:
    if not isinstance(value, Mapping) or MARK not in value:
        return None
    action, title, schema = value.get("action"), value.get("title"), value.get("arguments_schema")
    require(value[MARK] == VERSION, "It was asked by another version of ask_human().")
    require(isinstance(action, str) and isinstance(title, str), "Its action or its title is not text.")
    require(isinstance(value.get("arguments"), dict), "Its arguments are not a set of named values.")
    require(schema is None or isinstance(schema, dict), "Its schema is not a JSON Schema.")
    description = value.get("description")
    item = Item(
        action=str(action),
        title=str(title or action),
        description=description if isinstance(description, str) else "",
        arguments=value["arguments"],
        allowed=verdicts_of(value.get("allowed"), known=KNOWN),
        schema=schema or None,
    )
    return Question(Kind.BOUND, (item,))


def answer(
    item: Item, reply: Reply, *, payload_sha256: str, reviewer: str, is_by_policy: bool = False
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "verdict": reply.verdict.value,
        "sha256": payload_sha256,
        "message": reply.message,
        "reviewer": reviewer,
    }
    if is_by_policy:
        answer["by_policy"] = True
    if reply.verdict is not Verdict.EDIT:
        return answer
    require_edit(reply.arguments, proposed=item.arguments, schema=item.schema)
    return {**answer, "arguments": reply.arguments}
