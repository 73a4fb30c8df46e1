"""A graph's input schema as people can fill it in: a conversation is one message box, not a list of message objects."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

MESSAGES: Final = "messages"
LONGEST_MESSAGE: Final = 20_000
# Titles that LangChain gives the schemas of what a person may say.
_HUMAN: Final = ("HumanMessage", "BaseMessage")

_BOX: Final[Mapping[str, Any]] = {
    "type": "string",
    "title": "Message",
    "minLength": 1,
    "maxLength": LONGEST_MESSAGE,
    "x-widget": "textarea",
    "x-order": -1,
}


@dataclass(frozen=True, kw_only=True)
class InputForm:
    """`schema` makes the form; `start` turns its values into what the graph takes."""

    schema: Mapping[str, Any]
    has_message_box: bool = False

    def start(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A message as the list that LangGraph's reducer for messages reads; everything else as it is."""
        given = dict(values)
        if self.has_message_box and MESSAGES in given:
            text = given.pop(MESSAGES)
            given = {MESSAGES: [{"role": "user", "content": text}] if text else [], **given}
        return given

    def title_for(self, values: Mapping[str, Any]) -> str:
        """The first line of the first text that is neither a secret nor a file."""
        parts = self.schema.get("properties", {})
        texts = (
            value.strip() for key, value in values.items() if isinstance(value, str) and _is_telling(parts.get(key))
        )
        return next((text.splitlines()[0][:80] for text in texts if text), "")


def input_form(schema: Mapping[str, Any], *, managed: Collection[str] = ()) -> InputForm:
    """The form for a graph's input schema, without the channels that LangGraph fills in by itself (`managed`)."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return InputForm(schema=schema)
    asked = {key: part for key, part in properties.items() if key not in managed}
    has_box = MESSAGES in asked and _is_conversation(asked[MESSAGES], root=schema)
    if has_box:
        asked[MESSAGES] = dict(_BOX)
    elif len(asked) == len(properties):
        return InputForm(schema=schema)
    required = [key for key in schema.get("required", ()) if key in asked]
    rest = {key: value for key, value in schema.items() if key != "$defs"}
    shown: dict[str, Any] = {**rest, "properties": asked, "required": required}
    if definitions := _reached(shown, root=schema):
        shown["$defs"] = definitions
    return InputForm(schema=shown, has_message_box=has_box)


def _is_telling(part: Any) -> bool:
    if not isinstance(part, Mapping):
        return True
    kept_back = any(part.get(hint) for hint in ("x-sensitive", "writeOnly", "contentMediaType"))
    return not kept_back and part.get("format") != "password"


def _is_conversation(part: Any, *, root: Mapping[str, Any]) -> bool:
    """A list (or one item) of alternatives, one of which is what a person says."""
    alternatives = [part]
    for _ in range(4):
        alternatives = [inner for one in alternatives for inner in _inside(_followed(one, root=root))]
        if any(_is_human(_followed(one, root=root)) for one in alternatives):
            return True
    return False


def _inside(part: Mapping[str, Any]) -> list[Any]:
    items = [part["items"]] if isinstance(part.get("items"), Mapping) else []
    return [*part.get("anyOf", ()), *part.get("oneOf", ()), *items]


def _is_human(part: Mapping[str, Any]) -> bool:
    properties = part.get("properties")
    return part.get("title") in _HUMAN and isinstance(properties, Mapping) and "content" in properties


def _followed(part: Any, *, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The definition a reference names; an empty one when it names none."""
    if not isinstance(part, Mapping):
        return {}
    name = str(part.get("$ref", ""))
    found = root.get("$defs", {}).get(name.removeprefix("#/$defs/"), {}) if name else part
    return found if isinstance(found, Mapping) else {}


def _reached(shown: Mapping[str, Any], *, root: Mapping[str, Any]) -> dict[str, Any]:
    """Only the definitions still in use: those of LangChain's messages alone are 20 kB."""
    definitions = root.get("$defs", {})
    wanted = _references(shown["properties"])
    reached: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name in definitions and name not in reached:
            reached[name] = definitions[name]
            wanted |= _references(definitions[name])
    return {name: definitions[name] for name in definitions if name in reached}


def _references(part: Any) -> set[str]:
    if isinstance(part, Mapping):
        own = part.get("$ref")
        found = {own.removeprefix("#/$defs/")} if isinstance(own, str) else set()
        return found.union(*map(_references, part.values()))
    return set().union(*map(_references, part)) if isinstance(part, list) else set()
