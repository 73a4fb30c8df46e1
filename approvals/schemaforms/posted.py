"""What came back with a POST besides values: rows, kinds of object, and the buttons that only redraw."""

import re
from collections.abc import Mapping
from typing import Any, Final

from .names import joined
from .shapes import ROWS_MAX

ADD: Final = "_add"
REMOVE: Final = "_remove"
CHOOSE: Final = "_choose"
ROWS: Final = "_rows"
BRANCH: Final = "_branch"
SHOWN: Final = "_shown"

_KEY_MAX = 10**6


class Posted:
    """Answers about one POST, by field name (without the form's prefix)."""

    def __init__(self, data: Mapping[str, Any], *, prefix: str) -> None:
        self.data = data
        self.prefix = prefix

    @property
    def is_list_edit(self) -> bool:
        """Any of the buttons, even one pressed on another form or by nobody: such a POST is never a submission."""
        return any(button in self.data for button in (ADD, REMOVE, CHOOSE))

    def text(self, name: str) -> str | None:
        value = self.data.get(joined(self.prefix, name))
        return None if value is None else str(value)

    def rows(self, name: str) -> list[int] | None:
        """Keys of the rows that were on the page, None when the list was not."""
        mark = self.text(joined(name, ROWS))
        if mark is None:
            return self._rows_by_name(name)
        keys = (int(part) for part in re.findall(r"[0-9]+", mark[: (ROWS_MAX + 1) * 8]) if len(part) < 8)
        return list(dict.fromkeys(key for key in keys if key < _KEY_MAX))

    def is_added_to(self, name: str) -> bool:
        return self.data.get(ADD) == joined(self.prefix, name)

    def removed_from(self, name: str) -> int | None:
        """The key of the row whose Remove was pressed."""
        start, _, key = str(self.data.get(REMOVE, "")).rpartition(".")
        return int(key) if start == joined(self.prefix, name) and re.fullmatch(r"[0-9]{1,7}", key) else None

    def _rows_by_name(self, name: str) -> list[int] | None:
        """Programs that post a form need not know about marks: `lines.0.sku` is row 0."""
        start = re.escape(joined(self.prefix, name))
        found = (re.match(rf"{start}\.([0-9]{{1,6}})(?:\.|$)", str(key)) for key in self.data)
        return sorted({int(match[1]) for match in found if match}) or None
