"""LangChain's HumanInTheLoopMiddleware, per call: one interrupt for each gated call, with a schema of its decisions."""

from collections.abc import Iterator, Mapping
from typing import Any

from chains.asking import Verdict
from chains.questions.shapes import Item, Kind, Question, require, title_of, verdicts_of

TYPE = "tool_approval"
KNOWN = {verdict.value: verdict for verdict in Verdict}
EDIT_KEYS = ("edited_action", "editedAction")
DEFINITIONS = "#/$defs/"


def read(value: Any, schema: dict[str, Any] | None) -> Question | None:
    """Without a schema it is no such question, whatever it calls itself."""
    if not isinstance(value, Mapping) or value.get("type") != TYPE or not schema:
        return None
    name, description = value.get("name"), value.get("description")
    require(isinstance(name, str) and bool(name.strip()), "Its tool has no name.")
    require(isinstance(value.get("args"), dict), "Its arguments are not a set of named values.")
    require(description is None or isinstance(description, str), "Its description is not text.")
    branches = dict(_branches(schema))
    edit_key = next((key for key in EDIT_KEYS if key in _properties(branches.get("edit"))), EDIT_KEYS[0])
    item = Item(
        action=str(name),
        title=title_of(str(name)),
        description=description or "",
        arguments=value["args"],
        allowed=verdicts_of(list(branches), known=KNOWN),
        schema=_arguments_schema(branches.get("edit"), edit_key, schema),
        edit_key=edit_key,
    )
    return Question(Kind.CALL, (item,))


def _branches(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each decision it takes and the schema of that decision; a single one stands there without `oneOf`."""
    several = schema.get("oneOf", [schema])
    for part in several if isinstance(several, list) else ():
        branch = _followed(part, schema)
        kind = _properties(branch).get("type")
        if isinstance(kind, Mapping) and isinstance(kind.get("const"), str):
            yield kind["const"], branch


def _arguments_schema(
    branch: Mapping[str, Any] | None, edit_key: str, root: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What edited arguments must fit; None where the schema does not say, since the whole answer is checked as well."""
    action = _followed(_properties(branch).get(edit_key), root)
    arguments = _followed(_properties(action).get("args"), root)
    if not arguments:
        return None
    definitions = root.get("$defs")
    return {**arguments, "$defs": definitions} if definitions else dict(arguments)


def _properties(schema: Any) -> Mapping[str, Any]:
    found = schema.get("properties") if isinstance(schema, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _followed(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """One reference to a definition, as Pydantic writes them."""
    if not isinstance(schema, Mapping):
        return {}
    reference, definitions = schema.get("$ref"), root.get("$defs")
    if reference is None:
        return schema
    if not isinstance(reference, str) or not isinstance(definitions, Mapping):
        return {}
    found = definitions.get(reference.removeprefix(DEFINITIONS))
    return found if isinstance(found, Mapping) else {}
