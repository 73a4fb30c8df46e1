"""The Django field for one place, and the words for one that may not be changed."""

from typing import Any

from .changes import HIDDEN, value_text
from .choices import YES_NO, CheckField, ManyField, OptionField
from .fields import JSONField, MomentField, NumberField, SchemaField, TextField
from .hints import Hints
from .places import Place
from .schema import SchemaNotSupported
from .shapes import Shape
from .uploads import FileField, Shelf
from .values import ABSENT, has_lines, json_text, same_json


def control(place: Place, *, shape: Shape, hints: Hints, kind: str, shelf: Shelf | None) -> SchemaField:
    """SchemaNotSupported for a file where there is no shelf: text in its place would be taken for the file."""
    start, posted = place.start, place.posted
    if kind == "file" and shelf is None:
        raise SchemaNotSupported(f"“{hints.label}” asks for a file, and this form takes none. Ask for a link to it.")
    if kind == "file" and shelf is not None:
        return FileField(schema=shape.schema, shelf=shelf, start=start, hints=hints, posted=posted)
    options = YES_NO if shape.kind == "boolean" else shape.options
    is_typed = kind in ("text", "integer", "number", "decimal")
    if kind == "json" or (hints.sensitive and not is_typed):
        return JSONField(start=start, hints=hints, posted=posted)
    if kind == "check":
        return CheckField(start=start, hints=hints, posted=posted)
    if kind in ("enum", "const"):
        return OptionField(options=options, start=start, hints=hints, posted=posted)
    if kind == "many":
        return ManyField(options=options, start=start, hints=hints, posted=posted)
    if kind == "text" and shape.schema.get("format") == "date-time" and not has_lines(start.shown):
        return MomentField(start=start, hints=hints, posted=posted)
    if kind == "text":
        return TextField(schema=shape.schema, start=start, hints=hints, posted=posted)
    return NumberField(kind=kind, start=start, hints=hints, posted=posted)


def fact_text(value: Any, *, shape: Shape, hints: Hints) -> str:
    if value is ABSENT or value is None or value == "":
        return "Not set"
    if hints.sensitive:
        return HIDDEN
    label = next((option.label for option in shape.options if same_json(option.value, value)), None)
    if label is not None:
        return label
    return json_text(value, indent=2) if isinstance(value, dict | list) else value_text(value, hints=hints)
