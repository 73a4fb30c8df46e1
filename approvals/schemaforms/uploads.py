"""A control that takes a file. Where files are kept is not its business: a shelf checks and keeps them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from .fields import SchemaField
from .hints import Hints
from .media import in_words, readable_size
from .names import joined
from .values import Start

DEFAULT_MAX_BYTES: Final = 5 * 1024 * 1024
CHOOSE_A_FILE: Final = "Choose a file."
TICKET: Final = "_file"
DROP: Final = "_drop"
_GONE: Final = "The file was not kept any longer. Choose it again."


class FileRefused(Exception):
    """The file cannot be taken; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file on the shelf. `ticket` proves to the next POST that this form has it already."""

    reference: str
    name: str
    size: str
    ticket: str


class Shelf(Protocol):
    @property
    def largest(self) -> int:
        """Bytes that no file may exceed, whatever its schema says."""

    def put(self, upload: UploadedFile[Any], *, media: str, max_bytes: int) -> StoredFile: ...

    def find(self, ticket: str) -> StoredFile | None: ...

    def read(self, file: StoredFile) -> bytes: ...


class FileBox(forms.FileInput):
    """A file input, and beside it what an earlier POST of the same form has brought already."""

    def __init__(self, *, schema: Mapping[str, Any], shelf: Shelf) -> None:
        self.media_type = str(schema["contentMediaType"])
        super().__init__(attrs={"accept": self.media_type.partition(";")[0]})
        self.max_bytes = min(_limit(schema), shelf.largest)
        self.shelf = shelf
        self.refused = ""
        self.stored: StoredFile | None = None
        self._is_read = False

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> StoredFile | None:
        """Once for each POST: a file is checked and kept before anything else in the form is looked at."""
        if not self._is_read:
            self._is_read = True
            upload = files.get(name) if files else None
            ticket = str(data.get(joined(name, TICKET)) or "")
            self.stored = self._found(ticket) if ticket and joined(name, DROP) not in data else None
            if upload is not None:
                self._put(upload)
        return self.stored

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return self.value_from_datadict(data, files, name) is None

    def _found(self, ticket: str) -> StoredFile | None:
        found = self.shelf.find(ticket)
        self.refused = "" if found else _GONE
        return found

    def _put(self, upload: UploadedFile[Any]) -> None:
        try:
            self.stored, self.refused = self.shelf.put(upload, media=self.media_type, max_bytes=self.max_bytes), ""
        except FileRefused as error:
            self.refused = str(error)


class FileField(SchemaField):
    """A file's content in base64 where the schema says so, otherwise its reference in the project's storage."""

    def __init__(
        self, *, schema: Mapping[str, Any], shelf: Shelf, start: Start, hints: Hints, posted: bool = True
    ) -> None:
        box = FileBox(schema=schema, shelf=shelf)
        super().__init__(start=start, hints=hints, widget=box, posted=posted)
        self.widget = self.box = box
        self.is_base64 = schema.get("contentEncoding") == "base64"
        self.shelf = shelf

    def show(self, value: Any) -> None:
        return None

    def clean(self, value: Any) -> Any:
        """Nothing chosen keeps what there was."""
        if self.box.refused:
            raise ValidationError(self.box.refused)
        return self.read(value) if isinstance(value, StoredFile) else self.kept()

    def parse(self, raw: StoredFile) -> str:
        return base64.b64encode(self.shelf.read(raw)).decode() if self.is_base64 else raw.reference

    def is_untouched(self, raw: Any) -> bool:
        return raw is None

    def blank(self) -> Any:
        try:
            return super().blank()
        except ValidationError:
            raise ValidationError(CHOOSE_A_FILE) from None

    @property
    def advice(self) -> str:
        """What may be chosen, for the help."""
        wanted = in_words(self.box.media_type)
        kept = "" if self.start.is_empty else " Choose none to keep the present file."
        return f"{wanted[0].upper()}{wanted[1:]}, at most {readable_size(self.box.max_bytes)}.{kept}"


def _limit(schema: Mapping[str, Any]) -> int:
    limit = schema.get("x-max-bytes")
    is_limit = isinstance(limit, int) and not isinstance(limit, bool) and limit > 0
    return int(limit or 0) if is_limit else DEFAULT_MAX_BYTES
