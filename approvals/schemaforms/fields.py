"""Django fields that turn what was typed into one JSON value, and leave alone what was not."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from .hints import Hints
from .reading import (
    NotReadable,
    as_moment,
    on_the_clock,
    read_decimal,
    read_integer,
    read_json,
    read_moment,
    read_number,
)
from .values import ABSENT, Start, displayable, has_lines, json_text, plain
from .widgets import NativeInput

FILL_THIS_IN: Final = "Fill this in."
LONG_TEXT: Final = 200


class SchemaField(forms.Field):
    """One control, one JSON value. What comes back as it was shown keeps the exact value it had.

    Left empty, a place becomes null where null is allowed, otherwise its key is left out; where leaving it out
    would bring back a default, or the key is required, that is an error.
    """

    # Whether text that was not touched can be read as another type, should the one it had be refused.
    can_reread = False

    def __init__(self, *, start: Start, hints: Hints, widget: forms.Widget, posted: bool = True) -> None:
        super().__init__(required=False, widget=widget, label=hints.label, help_text=hints.help)
        self.start = start
        self.hints = hints
        self.posted = posted
        self.initial = "" if hints.sensitive else self.show(start.shown)

    def show(self, value: Any) -> Any:
        """What the control holds for `value`."""
        if value is ABSENT or value is None:
            return ""
        return displayable(value) if isinstance(value, str) else json_text(value)

    def parse(self, raw: Any) -> Any:
        """The JSON value that was typed; NotReadable when it is none."""
        raise NotImplementedError

    def clean(self, value: Any) -> Any:
        if self.is_untouched(value):
            return self.kept()
        if self.is_blank(value):
            return self.blank()
        return self.read(value)

    def read(self, raw: Any) -> Any:
        try:
            return self.parse(raw)
        except NotReadable as error:
            raise ValidationError(str(error)) from None

    def is_untouched(self, raw: Any) -> bool:
        return raw is None or plain(str(raw)) == plain(str(self.initial))

    def is_blank(self, raw: Any) -> bool:
        return not str(raw).strip()

    def kept(self) -> Any:
        value = self.start.kept()
        return self.blank() if value is ABSENT and self.start.is_asked else value

    def blank(self) -> Any:
        if self.hints.nullable:
            return None
        if self.start.required:
            raise ValidationError(FILL_THIS_IN)
        if self.start.default is ABSENT or self.start.default is None:
            return ABSENT
        return self.blank_over_default()

    def blank_over_default(self) -> Any:
        default = "" if self.hints.sensitive else f" Left out, it would be {self.show(self.start.default)}."
        raise ValidationError(f"{FILL_THIS_IN}{default}")

    def is_optional(self) -> bool:
        return self.hints.nullable or not (self.start.required or self.start.default not in (ABSENT, None))

    def bound_data(self, data: Any, initial: Any) -> Any:
        """A control drawn for the first time has nothing posted for it, not even an unchecked box."""
        if data is None or not (data or self.posted):
            return initial
        return displayable(data) if isinstance(data, str) else data


class TextField(SchemaField):
    """Text of any format; whether the format fits is decided by the schema or the model."""

    can_reread = True

    def __init__(self, *, schema: Mapping[str, Any], start: Start, hints: Hints, posted: bool = True) -> None:
        self.format = schema.get("format")
        self.is_long = not hints.sensitive and _is_long(schema, hints=hints, start=start)
        widget = _text_widget(self.format, is_long=self.is_long, hints=hints)
        super().__init__(start=start, hints=hints, widget=widget, posted=posted)

    def parse(self, raw: Any) -> str:
        text = plain(str(raw))
        if self.is_long or self.hints.sensitive:
            return text
        text = text.strip()
        return f"{text}:00" if self.format == "time" and len(text) == len("14:30") else text

    def blank_over_default(self) -> str:
        return ""

    def is_optional(self) -> bool:
        return self.hints.nullable or not self.start.required


class NumberField(SchemaField):
    """Integers, numbers and decimals, exactly as large and as precise as they are typed."""

    can_reread = True

    def __init__(self, *, kind: str, start: Start, hints: Hints, posted: bool = True) -> None:
        self.kind = kind
        mode = "numeric" if kind == "integer" else "decimal"
        super().__init__(start=start, hints=hints, widget=_input(hints, inputmode=mode), posted=posted)

    def parse(self, raw: Any) -> Any:
        text = str(raw).strip()
        if self.kind == "integer":
            return read_integer(text)
        if self.kind == "number":
            return read_number(text)
        return read_decimal(text, as_text=isinstance(self.start.shown, str))


class MomentField(SchemaField):
    """A date and time, shown on the clock of the current time zone."""

    can_reread = True

    def __init__(self, *, start: Start, hints: Hints, posted: bool = True) -> None:
        widget = _input(hints) if hints.sensitive else NativeInput(kind="datetime-local")
        super().__init__(start=start, hints=hints, widget=widget, posted=posted)

    def show(self, value: Any) -> Any:
        moment = as_moment(value) if isinstance(value, str) else None
        if moment is None or moment.microsecond:
            return super().show(value)
        local = on_the_clock(moment)
        return super().show(value) if local is None else local.isoformat()

    def is_untouched(self, raw: Any) -> bool:
        """Browsers drop seconds that are nought."""
        shown = as_moment(str(self.initial))
        return super().is_untouched(raw) or (shown is not None and as_moment(str(raw)) == shown)

    def parse(self, raw: Any) -> str:
        shown = self.start.shown
        moment = as_moment(shown) if isinstance(shown, str) else None
        return read_moment(str(raw), naive=moment is not None and moment.tzinfo is None)


class JSONField(SchemaField):
    """Anything a form has no shape for: JSON, checked strictly."""

    def __init__(self, *, start: Start, hints: Hints, posted: bool = True) -> None:
        attrs = {"rows": 8, "spellcheck": "false", "autocapitalize": "off", "class": "mono"}
        widget = _input(hints) if hints.sensitive else forms.Textarea(attrs={**attrs, "autocomplete": "off"})
        super().__init__(start=start, hints=hints, widget=widget, posted=posted)

    def show(self, value: Any) -> Any:
        return "" if value is ABSENT or (value is None and self.hints.nullable) else json_text(value, indent=2)

    def parse(self, raw: Any) -> Any:
        return read_json(plain(str(raw)))


def _is_long(schema: Mapping[str, Any], *, hints: Hints, start: Start) -> bool:
    return has_lines(start.shown) or hints.widget == "textarea" or schema.get("maxLength", 0) > LONG_TEXT


def _text_widget(kind: Any, *, is_long: bool, hints: Hints) -> forms.Widget:
    if is_long:
        return forms.Textarea(attrs={"rows": 4, "autocomplete": "off"})
    if kind in ("date", "time") and not hints.sensitive:
        return NativeInput(kind=kind)
    modes = {"email": "email", "uri": "url"}
    return _input(hints, inputmode=modes.get(kind, "text"))


def _input(hints: Hints, **attrs: str) -> forms.Widget:
    """A secret is typed into a password box, which never gets its value back from us."""
    if hints.sensitive:
        return forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.TextInput(attrs={"autocomplete": "off", **attrs})
