"""Files that people attach to a form: checked, kept under names nobody can guess, thrown away when nothing needs them.

The rest of the project knows a file by its reference, `files/<token>/<name>`, which is its name in Django's storage.
A form that comes back with an error carries the reference signed, so that nobody can put another's file into theirs.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.utils.crypto import salted_hmac
from django.utils.text import get_valid_filename

from approvals.schemaforms import FileRefused, StoredFile
from approvals.schemaforms.media import disagreement, readable_size

FOLDER: Final = "files"
# A form that was left open for longer must be given its file again; only then is the file thrown away.
HELD_FOR: Final = timedelta(hours=12)
ORPHANED_AFTER: Final = timedelta(days=1)

_SALT = "holdpoint.files"
_REFERENCE = re.compile(rf"{FOLDER}/[0-9a-f]{{32}}/[^/]{{1,100}}")
_STEM_MAX, _SUFFIX_MAX = 80, 12


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where one form's files go. The same file sent twice with the same form (`key`) is one file."""

    person_id: int
    key: str = ""

    @property
    def largest(self) -> int:
        return int(settings.HOLDPOINT_LARGEST_FILE)

    def put(self, upload: "UploadedFile[Any]", *, media: str, max_bytes: int) -> StoredFile:
        """Check and keep; FileRefused says what to do instead."""
        size = upload.size or 0
        if size > max_bytes:
            raise FileRefused(f"This file is too large. At most {readable_size(max_bytes)} can be sent.")
        if not size:
            raise FileRefused("This file is empty. Choose another.")
        name = safe_name(upload.name or "")
        content = upload.read()
        if wrong := disagreement(content, name=name, media=media):
            raise FileRefused(wrong)
        reference = f"{FOLDER}/{self._token(content)}/{name}"
        if not default_storage.exists(reference):
            upload.seek(0)
            reference = default_storage.save(reference, upload)
        return self._stored(reference, size=size)

    def find(self, ticket: str) -> StoredFile | None:
        """The file of a form that came back; None when it is gone or was never this person's."""
        try:
            reference, owner = signing.loads(ticket, salt=_SALT, max_age=HELD_FOR)
        except (signing.BadSignature, ValueError, TypeError):
            return None
        if owner != self.person_id or not default_storage.exists(reference):
            return None
        return self._stored(reference, size=default_storage.size(reference))

    def read(self, file: StoredFile) -> bytes:
        return read(file.reference)

    def _stored(self, reference: str, *, size: int) -> StoredFile:
        ticket = signing.dumps([reference, self.person_id], salt=_SALT)
        name = reference.rpartition("/")[2]
        return StoredFile(reference=reference, name=name, size=readable_size(size), ticket=ticket)

    def _token(self, content: bytes) -> str:
        if not self.key:
            return secrets.token_hex(16)
        said = b"\0".join([str(self.person_id).encode(), self.key.encode(), content])
        return salted_hmac(_SALT, said, algorithm="sha256").hexdigest()[:32]


def read(reference: str) -> bytes:
    """Raises FileNotFoundError."""
    with default_storage.open(reference) as file:
        content: bytes = file.read()
    return content


def references_in(value: Any) -> Iterator[str]:
    """Every reference in a JSON value, in order."""
    if isinstance(value, str):
        if _REFERENCE.fullmatch(value):
            yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from references_in(member)


def stored(*, before: datetime) -> Iterator[str]:
    """References of all files that were last written before that moment."""
    for token in _names(FOLDER, index=0):
        for name in _names(f"{FOLDER}/{token}", index=1):
            reference = f"{FOLDER}/{token}/{name}"
            if default_storage.get_modified_time(reference) < before:
                yield reference


def throw_away(reference: str) -> None:
    default_storage.delete(reference)
    default_storage.delete(reference.rpartition("/")[0])


def safe_name(name: str) -> str:
    """Letters, digits, dots and dashes; what it ends with stays, since people and programs go by it."""
    plain = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    try:
        plain = get_valid_filename(plain)
    except SuspiciousFileOperation:
        return "file"
    stem, point, suffix = plain.lstrip(".").rpartition(".")
    stem, suffix = (stem, suffix) if point and len(suffix) <= _SUFFIX_MAX else (plain.lstrip("."), "")
    return f"{stem[:_STEM_MAX] or 'file'}{f'.{suffix}' if suffix else ''}"


def _names(folder: str, *, index: int) -> list[str]:
    try:
        return list(default_storage.listdir(folder)[index])
    except FileNotFoundError:
        return []
