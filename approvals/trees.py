"""A JSON value as a folded tree: safe HTML, searched and cut on the server, so that no browser is sent all of it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlencode

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from approvals.showing import visible

# What one page shows of a tree; the rest is one link away.
LINES = 400
CHILDREN = 100
LETTERS = 2_000
OPEN_LINES = 12
DEEPEST = 60
# A longer text with any of these letters may be Markdown.
LONG = 200
MARKS = re.compile(r"[*_#`\[|>~\n]")

# What a part is asked for as.
MARKDOWN = "markdown"

Step: TypeAlias = str | int
Way: TypeAlias = tuple[Step, ...]


@dataclass
class Tree:
    """`address` is where a part is shown on its own; `needle` is searched for, in names and values, in any case."""

    address: str
    needle: str = ""
    found: int = 0
    left: int = field(default=LINES)

    def html(self, value: Any, *, way: Way = (), start: int = 0) -> SafeString:
        """The inside of a value; `start`: how many of its entries come earlier."""
        if not isinstance(value, Mapping | list) or not value:
            return self._leaf(value, way)
        rows = format_html_join("", "{}", ((row,) for row in self._rows(value, way, start)))
        return format_html('<ul class="tree">{}</ul>', rows)

    def inside_of(self, key: Step, item: Any, way: Way) -> SafeString:
        """All of it when its own name is what was searched for."""
        needle = self.needle
        if isinstance(key, str) and needle.casefold() in key.casefold():
            self.needle = ""
        inside = self.html(item, way=way)
        self.needle = needle
        return inside

    def part(self, way: Way, **more: Any) -> str:
        return f"{self.address}{urlencode({'path': json.dumps(way), **more})}"

    def _rows(self, value: Any, way: Way, start: int) -> Iterator[SafeString]:
        shown = 0
        entries = _entries(value)
        for index, (key, item) in enumerate(entries[start:], start=start):
            if self.needle and not matches(key, item, self.needle):
                continue
            if shown >= CHILDREN or self.left <= 0:
                yield self._more(way, index, len(entries))
                return
            shown += 1
            self.left -= 1
            yield self._row(key, item, (*way, key))

    def _row(self, key: Step, item: Any, way: Way) -> SafeString:
        label = self._marked(str(key))
        if not isinstance(item, Mapping | list) or not item:
            return format_html("<li><b>{}</b> {}</li>", label, self._leaf(item, way))
        told = _told(item)
        if len(way) >= DEEPEST or self.left <= 0:
            return format_html('<li><b>{}</b> <a href="{}">{}</a></li>', label, self.part(way), told)
        inside = self.inside_of(key, item, way)
        return format_html(
            '<li><details{}><summary><b>{}</b> <span class="json">{}</span></summary>{}</details></li>',
            mark_safe(" open") if self.needle or (len(item) <= OPEN_LINES and len(way) < 3) else "",
            label,
            told,
            inside,
        )

    def _leaf(self, value: Any, way: Way) -> SafeString:
        if not isinstance(value, str):
            return format_html('<span class="json num">{}</span>', self._marked(_literal(value)))
        if not value:
            return mark_safe('<span class="json">empty text</span>')
        if len(value) <= LETTERS:
            return format_html('<span class="text">{}</span>{}', self._marked(value), self._as_markdown(value, way))
        return format_html(
            '<span class="text">{}…</span> <a href="{}">Show all {} characters</a>{}',
            self._marked(value[:LETTERS]),
            self.part(way),
            f"{len(value):,}",
            self._as_markdown(value, way),
        )

    def _as_markdown(self, text: str, way: Way) -> SafeString:
        if len(text) <= LONG or not may_be_markdown(text):
            return mark_safe("")
        return format_html(' <a class="as" href="{}">Show as Markdown</a>', self.part(way, **{"as": MARKDOWN}))

    def _more(self, way: Way, start: int, count: int) -> SafeString:
        words = {"q": self.needle} if self.needle else {}
        return format_html(
            '<li class="more"><a href="{}">Show from entry {} of {}</a></li>',
            self.part(way, start=start, **words),
            f"{start + 1:,}",
            f"{count:,}",
        )

    def _marked(self, text: str) -> SafeString:
        """What was searched for, marked; only the first in each text."""
        at = text.casefold().find(self.needle.casefold()) if self.needle else -1
        if at < 0 or len(text.casefold()) != len(text):
            return visible(text)
        self.found += 1
        end = at + len(self.needle)
        return format_html("{}<mark>{}</mark>{}", visible(text[:at]), visible(text[at:end]), visible(text[end:]))


def may_be_markdown(text: str) -> bool:
    return bool(MARKS.search(text))


def matches(key: Step, value: Any, needle: str) -> bool:
    """Whether a name or a value in it, at any depth, has the words."""
    wanted = needle.casefold()
    waiting: list[tuple[Step, Any]] = [(key, value)]
    while waiting:
        name, item = waiting.pop()
        if isinstance(name, str) and wanted in name.casefold():
            return True
        if isinstance(item, Mapping | list):
            waiting += _entries(item)
        elif wanted in (item if isinstance(item, str) else _literal(item)).casefold():
            return True
    return False


def inside(value: Any, way: Sequence[Any]) -> Any:
    """What stands at the end of a way. Raises LookupError."""
    for step in way:
        is_there = (isinstance(value, list) and type(step) is int and step >= 0) or isinstance(value, Mapping)
        if not is_there:
            raise LookupError(step)
        value = value[step]
    return value


def _entries(value: Any) -> list[tuple[Step, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else list(enumerate(value))


def _told(value: Any) -> str:
    kind = ("key", "keys") if isinstance(value, Mapping) else ("entry", "entries")
    return f"{len(value):,} {kind[len(value) != 1]}"


def _literal(value: Any) -> str:
    return "nothing in it" if isinstance(value, Mapping | list) else json.dumps(value)
