"""Files in forms of any shape, with a shelf that is a dictionary."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import QueryDict

from approvals.files import safe_name
from approvals.schemaforms import FileRefused, SchemaNotSupported, StoredFile, schema_form
from approvals.schemaforms.media import disagreement
from tests.posting import Page, page

SCAN = {"type": "string", "contentMediaType": "image/*", "title": "Scan"}
PNG = b"\x89PNG\r\n\x1a\n123"


@dataclass
class Memory:
    largest: int = 1000
    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, upload: "UploadedFile[Any]", *, media: str, max_bytes: int) -> StoredFile:
        content = upload.read()
        if len(content) > max_bytes:
            raise FileRefused("This file is too large.")
        self.kept[f"files/t/{upload.name}"] = content
        return self._stored(str(upload.name))

    def find(self, ticket: str) -> StoredFile | None:
        return self._stored(ticket) if f"files/t/{ticket}" in self.kept else None

    def read(self, file: StoredFile) -> bytes:
        return self.kept[file.reference]

    def _stored(self, name: str) -> StoredFile:
        return StoredFile(reference=f"files/t/{name}", name=name, size="3 bytes", ticket=name)


def of(properties: dict[str, Any], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def posted(shown: Page, **typed: str) -> QueryDict:
    """As a browser does it: a file input sends no text."""
    data = shown.posted().copy()
    for tag, attrs in shown.tags:
        if tag == "input" and attrs.get("type") == "file":
            data.pop(attrs["name"])
    for name, text in typed.items():
        data[name] = text
    return data


def test_rows_of_files_are_added_kept_and_removed() -> None:
    schema, shelf = of({"scans": {"type": "array", "items": SCAN}}), Memory()
    shown = page(schema_form(schema, shelf=shelf, data=posted(page(schema_form(schema, shelf=shelf)), _add="scans")))
    files = {"scans.0": SimpleUploadedFile("a.png", PNG)}
    shown = page(schema_form(schema, shelf=shelf, data=posted(shown, _add="scans"), files=files))
    files = {"scans.1": SimpleUploadedFile("b.png", PNG)}
    shown = page(schema_form(schema, shelf=shelf, data=posted(shown, _add="scans"), files=files))
    shown = page(schema_form(schema, shelf=shelf, data=posted(shown, _remove="scans.2")))
    form = schema_form(schema, shelf=shelf, data=posted(shown, _x="1"))

    assert form.is_multipart()
    assert form.is_valid(), form.errors
    assert form.value == {"scans": ["files/t/a.png", "files/t/b.png"]}


def test_a_file_that_is_refused_leaves_the_one_before_it() -> None:
    schema, shelf = of({"scan": SCAN, "n": {"type": "integer"}}, required=("scan",)), Memory()
    first = schema_form(schema, shelf=shelf, data={"n": "x"}, files={"scan": SimpleUploadedFile("a.png", PNG)})
    large = {"scan": SimpleUploadedFile("b.png", bytes(2000))}
    second = schema_form(schema, shelf=shelf, data=posted(page(first), n="1"), files=large)

    assert list(first.errors) == ["n"]
    assert second.errors["scan"] == ["This file is too large."]
    assert "<b>a.png</b>" in page(second).html


def test_the_help_says_what_may_be_chosen_and_the_control_asks_for_it() -> None:
    schema = of({"scan": {**SCAN, "description": "Both sides.", "x-max-bytes": 200}}, required=("scan",))
    shown = page(schema_form(schema, shelf=Memory()))

    assert "Both sides. A picture, at most 200 bytes." in shown.text
    assert shown.find("scan")["accept"] == "image/*"
    assert shown.find("scan")["aria-describedby"] == "id_scan:help"
    assert "A picture, at most 1000 bytes." in page(schema_form(of({"scan": SCAN}), shelf=Memory())).text


def test_an_edit_keeps_the_file_that_is_there_and_tells_a_new_one_by_its_name() -> None:
    schema, shelf = of({"scan": SCAN, "n": {"type": "integer"}}), Memory()
    held = {"scan": "files/old/one.png", "n": 1}
    kept = schema_form(schema, shelf=shelf, initial=held, data={"n": "2"})
    files = {"scan": SimpleUploadedFile("b.png", PNG)}
    changed = schema_form(schema, shelf=shelf, initial=held, data={"n": "1"}, files=files)

    assert kept.is_valid(), kept.errors
    assert kept.value == {"scan": "files/old/one.png", "n": 2}
    assert changed.is_valid(), changed.errors
    assert [str(change) for change in changed.changes] == ["Scan one.png → b.png"]


def test_the_content_of_a_file_is_never_read_out() -> None:
    coded = {**SCAN, "contentEncoding": "base64"}
    schema, held = of({"scan": coded}), {"scan": "aGVsbG8=" * 100}
    files = {"scan": SimpleUploadedFile("b.png", PNG)}
    form = schema_form(schema, shelf=Memory(), initial=held, data={"n": "1"}, files=files)

    assert form.is_valid(), form.errors
    assert [str(change) for change in form.changes] == ["Scan a file → a file"]
    assert "aGVsbG8" not in page(schema_form(schema, initial=held)).html


def test_where_no_file_can_be_taken_one_that_is_there_stays_and_one_that_is_needed_is_refused_in_words() -> None:
    held = {"scan": "files/old/one.png", "n": 1}
    form = schema_form(of({"scan": SCAN, "n": {"type": "integer"}}), initial=held, data={"n": "2", "scan": "x"})

    assert form.is_valid(), form.errors
    assert form.value == {"scan": "files/old/one.png", "n": 2}
    assert schema_form(of({"scan": SCAN}), data={}).is_valid()
    with pytest.raises(SchemaNotSupported, match="asks for a file"):
        schema_form(of({"scan": SCAN}, required=("scan",)))


@pytest.mark.parametrize(
    ("schema", "is_file"),
    [
        ({"contentMediaType": "application/pdf"}, True),
        ({"contentMediaType": "text/csv", "contentEncoding": "base64"}, True),
        ({"contentMediaType": "text/csv", "x-max-bytes": 9}, True),
        ({"contentMediaType": "text/csv", "x-widget": "file"}, True),
        ({"contentMediaType": "text/markdown"}, False),
        ({"contentMediaType": "application/json"}, False),
        ({"contentEncoding": "base64"}, False),
    ],
)
def test_text_is_typed_unless_the_schema_says_file(schema: dict[str, Any], is_file: bool) -> None:
    form = schema_form(of({"x": {"type": "string", **schema}}), shelf=Memory())

    assert form.is_multipart() == is_file


@pytest.mark.parametrize(
    ("media", "name", "content", "fits"),
    [
        ("application/pdf", "a.pdf", b"%PDF-1", True),
        ("application/pdf", "a", b"%PDF-1", True),
        ("application/pdf", "a.html", b"%PDF-1", False),
        ("application/pdf", "a.pdf", b"MZ", False),
        ("image/*", "a.jpeg", b"\xff\xd8\xff", True),
        ("image/*", "a.png", b"%PDF-1", False),
        ("image/*", "a.svgz", b"<svg", True),
        ("image/png", "a.jpg", b"\x89PNG\r\n\x1a\n", False),
        ("text/csv", "a.csv", b"a;b", True),
        ("text/csv", "a.csv", b"a\0b", False),
        ("text/csv", "a.csv", b"\xff\xfe", False),
        ("text/plain; charset=utf-8", "a.txt", b"a", True),
        ("application/json", "a.json", b"{}", True),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "a.xlsx", b"PK\x03\x04", True),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "a.xlsx", b"MZ", False),
        ("application/octet-stream", "a.exe", b"MZ", True),
    ],
)
def test_a_file_must_be_what_it_says(media: str, name: str, content: bytes, fits: bool) -> None:
    assert (disagreement(content, name=name, media=media) == "") == fits


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\a b.pdf", "a_b.pdf"),
        ("..", "file"),
        ("", "file"),
        (".htaccess", "htaccess"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("x" * 300 + ".pdf", "x" * 80 + ".pdf"),
        ("Rechnung März.pdf", "Rechnung_März.pdf"),
    ],
)
def test_names_of_files_do_no_harm(name: str, safe: str) -> None:
    assert safe_name(name) == safe
