"""Untrusted text and JSON as safe HTML: nothing hidden, nothing reordered, numbers exactly as they were sent."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from approvals.schemaforms.names import humanised
from approvals.schemaforms.secrets import masked

# A label, a value, and the schema of the value where there is one.
Fact = tuple[str, Any, Any]
# A text that is longer is folded where folding is asked for; nothing is ever cut off.
FOLD_AFTER = 1_200
PREVIEW = 300
# Shorter texts on one line stand beside their label, longer ones in a box of their own.
ONE_LINE = 90
_PLAIN = re.compile(r"[\x20-\x7e\n\t]*")
_PERHAPS_HIDDEN = re.compile(r"[^\x20-\x7e\n\t]")
# Drawn as nothing, or nearly, although Unicode counts them as letters, marks or symbols.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTORS = range(0xE0100, 0xE01F0)


def visible(text: object) -> SafeString:
    """Escaped, with a mark for every character that a reader would not see or that moves its neighbours."""
    plain = str(text).replace("\r\n", "\n")
    if _PLAIN.fullmatch(plain):
        return format_html("{}", plain)
    return format_html("<bdi>{}</bdi>", format_html_join("", "{}", ((part,) for part in _parts(plain))))


def plain(text: object) -> str:
    """The same marks without HTML, for places that take none."""
    return _PERHAPS_HIDDEN.sub(lambda found: _name(found[0]) if _is_hidden(found[0]) else found[0], str(text))


def value_html(value: Any, schema: Any = None, *, fold: bool = False) -> SafeString:
    """A JSON value: text as text, numbers to the digit, objects and lists as indented lists."""
    if isinstance(value, str):
        return _text(value, fold=fold)
    if isinstance(value, Mapping) and value:
        return facts_html(labelled(value, schema) if schema else _unlabelled(value), fold=fold)
    if isinstance(value, list | tuple) and value:
        items = ((value_html(item, _part(schema, "items"), fold=fold),) for item in value)
        return format_html('<ol class="items">{}</ol>', format_html_join("", "<li>{}</li>", items))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, _part(schema, "x-unit"))
    return format_html('<span class="json">{}</span>', _literal(value))


def facts_html(facts: Iterable[Fact], *, fold: bool = False) -> SafeString:
    rows = ((visible(label), _size(value), value_html(value, schema, fold=fold)) for label, value, schema in facts)
    return format_html('<dl class="facts">{}</dl>', format_html_join("", '<dt>{}</dt><dd class="{}">{}</dd>', rows))


def labelled(arguments: Any, schema: Any) -> list[Fact]:
    """Arguments with their names as people read them, in the order of the schema; what it does not name comes last."""
    if not isinstance(arguments, Mapping):
        return [("Value", arguments, schema)]
    named = _properties(schema)
    keys = [key for key in named if key in arguments] + [key for key in arguments if key not in named]
    return [(_label(key, named.get(key)), arguments[key], named.get(key)) for key in keys]


def changed(old: Any, new: Any, schema: Any) -> list[tuple[str, Any, Any]]:
    """What differs, by label: (label, before, after). A value that is missing on one side is None there.

    Of secrets it is told only that they differ.
    """
    before, after = masked(old, schema), masked(new, schema)
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if same(old, new) else [("Value", before, after)]
    return [
        (_label(key, _properties(schema).get(key)), before.get(key), after.get(key))
        for key in {**old, **new}
        if key not in old or key not in new or not same(old[key], new[key])
    ]


def same(one: Any, two: Any) -> bool:
    """Python finds 1, 1.0 and True equal; a reviewer must not."""
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


def _unlabelled(value: Mapping[Any, Any]) -> list[Fact]:
    return [(str(key), item, None) for key, item in value.items()]


def _properties(schema: Any) -> Mapping[str, Any]:
    found = _part(schema, "properties")
    return found if isinstance(found, Mapping) else {}


def _part(schema: Any, name: str) -> Any:
    return schema.get(name) if isinstance(schema, Mapping) else None


def _label(key: str, part: Any) -> str:
    title = part.get("title") if isinstance(part, Mapping) else None
    return title if isinstance(title, str) and title.strip() else humanised(key)


def _text(text: str, *, fold: bool) -> SafeString:
    if not text:
        return mark_safe('<span class="json">empty text</span>')
    shown = visible(text)
    if fold and len(text) > FOLD_AFTER:
        return format_html(
            '<details class="long"><summary><span class="start">{}…</span> '
            '<span class="all">Show all {} characters</span></summary><div class="quote">{}</div></details>',
            visible(text[:PREVIEW]),
            f"{len(text):,}",
            shown,
        )
    return format_html('<span class="{}">{}</span>', "quote" if _is_long(text) else "text", shown)


def _number(value: int | float, unit: Any) -> SafeString:
    if not isinstance(unit, str) or not unit.strip():
        return format_html('<span class="num">{}</span>', json.dumps(value))
    return format_html('<span class="num much">{}</span><span class="unit">{}</span>', json.dumps(value), visible(unit))


def _is_long(text: str) -> bool:
    return "\n" in text or len(text) > ONE_LINE


def _size(value: Any) -> str:
    """Wide values take the whole row on a phone."""
    is_nested = isinstance(value, Mapping | list | tuple) and bool(value)
    return "wide" if is_nested or (isinstance(value, str) and _is_long(value)) else ""


def _literal(value: Any) -> str:
    return "nothing in it" if isinstance(value, Mapping | list | tuple) else json.dumps(value)


def _parts(text: str) -> Iterator[Any]:
    end = 0
    for found in _PERHAPS_HIDDEN.finditer(text):
        if _is_hidden(found.group()):
            yield text[end : found.start()]
            yield format_html('<span class="ctl">{}</span>', _name(found.group()))
            end = found.end()
    yield text[end:]


def _name(letter: str) -> str:
    return f"⟨U+{ord(letter):04X}⟩"


def _is_hidden(letter: str) -> bool:
    category = unicodedata.category(letter)
    if category[0] == "C" or category in {"Zl", "Zp"}:
        return True
    return letter in _BLANK or ord(letter) in _SELECTORS
