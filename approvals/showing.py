"""Untrusted text and JSON as safe HTML: nothing hidden, nothing reordered, numbers exactly as they were sent."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from approvals.schemaforms.names import humanised

# A text that is longer is folded where folding is asked for; nothing is ever cut off.
FOLD_AFTER = 1_200
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


def value_html(value: Any, *, fold: bool = False) -> SafeString:
    """A JSON value: text as text, numbers to the digit, objects and lists as indented lists."""
    if isinstance(value, str):
        return _text(value, fold=fold)
    if isinstance(value, Mapping) and value:
        return facts_html(((str(key), item) for key, item in value.items()), fold=fold)
    if isinstance(value, list | tuple) and value:
        items = ((value_html(item, fold=fold),) for item in value)
        return format_html('<ol class="items">{}</ol>', format_html_join("", "<li>{}</li>", items))
    return format_html('<span class="json num">{}</span>', _literal(value))


def facts_html(facts: Any, *, fold: bool = False) -> SafeString:
    rows = ((visible(label), _size(value), value_html(value, fold=fold)) for label, value in facts)
    return format_html('<dl class="facts">{}</dl>', format_html_join("", '<dt>{}</dt><dd class="{}">{}</dd>', rows))


def labelled(arguments: Any, schema: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """Arguments with their names as people read them, in the order of the schema; what it does not name comes last."""
    if not isinstance(arguments, Mapping):
        return [("Value", arguments)]
    properties = (schema or {}).get("properties")
    named = properties if isinstance(properties, Mapping) else {}
    keys = [key for key in named if key in arguments] + [key for key in arguments if key not in named]
    return [(_label(key, named.get(key)), arguments[key]) for key in keys]


def changed(
    old: Any, new: Any, schema: Mapping[str, Any] | None
) -> list[tuple[str, Any, Any]]:
    """What differs, by label: (label, before, after). A value that is missing on one side is None there."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if _same(old, new) else [("Value", old, new)]
    labels = dict(zip(_keys({**old, **new}, schema), labelled({**old, **new}, schema), strict=True))
    return [
        (label, old.get(key), new.get(key))
        for key, (label, _) in labels.items()
        if key not in old or key not in new or not _same(old[key], new[key])
    ]


def _keys(arguments: Mapping[str, Any], schema: Mapping[str, Any] | None) -> Sequence[str]:
    named = (schema or {}).get("properties") or {}
    return [key for key in named if key in arguments] + [key for key in arguments if key not in named]


def _same(one: Any, two: Any) -> bool:
    """Python finds 1, 1.0 and True equal; a reviewer must not."""
    return json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)


def _label(key: str, part: Any) -> str:
    title = part.get("title") if isinstance(part, Mapping) else None
    return title if isinstance(title, str) and title.strip() else humanised(key)


def _text(text: str, *, fold: bool) -> SafeString:
    if not text:
        return mark_safe('<span class="json">empty text</span>')
    shown = visible(text)
    if fold and len(text) > FOLD_AFTER:
        return format_html(
            '<details class="long"><summary>Show all {} characters</summary><div class="quote">{}</div></details>',
            f"{len(text):,}",
            shown,
        )
    return format_html('<span class="{}">{}</span>', "quote" if _is_long(text) else "text", shown)


def _is_long(text: str) -> bool:
    return "\n" in text or len(text) > ONE_LINE


def _size(value: Any) -> str:
    """Wide values take the whole row on a phone."""
    is_nested = isinstance(value, Mapping | list | tuple) and bool(value)
    return "wide" if is_nested or (isinstance(value, str) and _is_long(value)) else ""


def _literal(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return "nothing in it"
    return json.dumps(value)


def _parts(text: str) -> Iterator[Any]:
    end = 0
    for found in _PERHAPS_HIDDEN.finditer(text):
        if _is_hidden(found.group()):
            yield text[end : found.start()]
            yield format_html('<span class="ctl">⟨U+{}⟩</span>', f"{ord(found.group()):04X}")
            end = found.end()
    yield text[end:]


def _is_hidden(letter: str) -> bool:
    category = unicodedata.category(letter)
    if category[0] == "C" or category in {"Zl", "Zp"}:
        return True
    return letter in _BLANK or ord(letter) in _SELECTORS
