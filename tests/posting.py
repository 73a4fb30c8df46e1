"""What a browser would post for a page as it stands, by HTML's own rules, without JavaScript."""

import re
from datetime import datetime
from html.parser import HTMLParser
from urllib.parse import urlencode

from django.http import QueryDict
from django.template.loader import render_to_string

from approvals.schemaforms import SchemaForm

_NATIVE = {
    "date": r"\d{4}-\d\d-\d\d",
    "time": r"\d\d:\d\d(:\d\d)?",
    "datetime-local": r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?",
}


class Page(HTMLParser):
    """Reads controls, and remembers every tag for tests about markup."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.pairs: list[tuple[str, str]] = []
        self.text = ""
        self._textarea: str | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self.feed(re.sub(r"\r\n?", "\n", html))
        self.close()

    def posted(self, **pressed: str) -> QueryDict:
        return QueryDict(urlencode([*self.pairs, *pressed.items()]))

    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]

    def find(self, name: str) -> dict[str, str]:
        return next(attrs for _, attrs in self.tags if attrs.get("name") == name)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.tags.append((tag, found))
        if tag == "input":
            self._input(found)
        elif tag == "textarea":
            self._textarea, self._text = found["name"], ""
        elif tag == "select":
            self._select = (found["name"], [])
        elif tag == "option" and self._select:
            self._select[1].append((found["value"], "selected" in found))

    def handle_data(self, data: str) -> None:
        if self._textarea is None:
            self.text += data
        else:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._textarea is not None:
            text = self._text.removeprefix("\n")
            self.pairs.append((self._textarea, text.replace("\n", "\r\n")))
            self._textarea = None
        elif tag == "select" and self._select:
            name, options = self._select
            chosen = [value for value, is_selected in options if is_selected] or [options[0][0]]
            self.pairs.append((name, chosen[-1]))
            self._select = None

    def _input(self, attrs: dict[str, str]) -> None:
        kind, value = attrs.get("type", "text"), attrs.get("value", "")
        if kind in ("checkbox", "radio"):
            if "checked" in attrs:
                self.pairs.append((attrs["name"], attrs.get("value", "on")))
        elif kind in _NATIVE:
            self.pairs.append((attrs["name"], _sanitised(value, kind=kind)))
        else:
            self.pairs.append((attrs["name"], value.replace("\n", "")))


def page(form: SchemaForm) -> Page:
    errors = render_to_string("schemaforms/_errors.html", {"form": form})
    return Page(errors + render_to_string("schemaforms/_form.html", {"form": form}))


def _sanitised(value: str, *, kind: str) -> str:
    """A date control drops what it cannot read, and seconds that are nought."""
    if not re.fullmatch(_NATIVE[kind], value):
        return ""
    try:
        datetime.fromisoformat(f"2026-01-01T{value}" if kind == "time" else value)
    except ValueError:
        return ""
    return value if kind == "date" else re.sub(r"(?<=T\d\d:\d\d):00$|(?<=^\d\d:\d\d):00$", "", value)
