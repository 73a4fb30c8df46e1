"""Whether a file is of the kind that was asked for: by the end of its name, and by how it begins."""

import mimetypes
from typing import Final

# The table of the standard library alone: what a machine knows besides must not decide what is taken.
_BY_NAME = mimetypes.MimeTypes(filenames=())
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE = "application/vnd.openxmlformats-officedocument"
_BEGINS: Final[dict[str, tuple[bytes, ...]]] = {
    "application/pdf": (b"%PDF-",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
    "application/gzip": (b"\x1f\x8b",),
    "application/zip": _ZIP,
    f"{_OFFICE}.wordprocessingml.document": _ZIP,
    f"{_OFFICE}.spreadsheetml.sheet": _ZIP,
    f"{_OFFICE}.presentationml.presentation": _ZIP,
}
_ENDS: Final[dict[str, tuple[str, ...]]] = {
    f"{_OFFICE}.wordprocessingml.document": (".docx",),
    f"{_OFFICE}.spreadsheetml.sheet": (".xlsx",),
    f"{_OFFICE}.presentationml.presentation": (".pptx",),
    "application/gzip": (".gz", ".tgz"),
    "text/markdown": (".md", ".markdown"),
    "image/webp": (".webp",),
    # Spreadsheets export tables under any of these.
    "text/csv": (".csv", ".tsv", ".txt"),
}
_WORDS: Final[dict[str, str]] = {
    "application/pdf": "a PDF file",
    "image/png": "a PNG picture",
    "image/jpeg": "a JPEG picture",
    "image/gif": "a GIF picture",
    "image/webp": "a WebP picture",
    "image/*": "a picture",
    "application/zip": "a ZIP file",
    "application/gzip": "a gzip file",
    "text/csv": "a CSV table",
    "text/plain": "a text file",
    "application/json": "a JSON file",
    f"{_OFFICE}.wordprocessingml.document": "a Word document (.docx)",
    f"{_OFFICE}.spreadsheetml.sheet": "an Excel workbook (.xlsx)",
    f"{_OFFICE}.presentationml.presentation": "a PowerPoint file (.pptx)",
}
_ANYTHING = ("application/octet-stream", "*/*", "")


def disagreement(content: bytes, *, name: str, media: str) -> str:
    """A sentence when the file is not of the wanted kind, "" when nothing speaks against it."""
    wanted = media.partition(";")[0].strip().lower()
    if wanted in _ANYTHING:
        return ""
    fits = _fits_name(name, wanted=wanted) and _fits_content(content, wanted=wanted)
    return "" if fits else f"This is not {in_words(wanted)}. Choose another."


def readable_size(size: int) -> str:
    if size < 1024:
        return f"{size} bytes"
    return f"{size / 1024:.0f} kB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MB".replace(".0 ", " ")


def in_words(media: str) -> str:
    return _WORDS.get(media, f"a file of the type {media}")


def _fits_name(name: str, *, wanted: str) -> bool:
    """An ending that nobody knows says nothing."""
    if any(name.lower().endswith(end) for end in _ENDS.get(wanted, ())):
        return True
    claimed, _ = _BY_NAME.guess_type(name.lower())
    return claimed is None or _matches(claimed, wanted)


def _fits_content(content: bytes, *, wanted: str) -> bool:
    if wanted.startswith("text/") or wanted == "application/json":
        return _is_text(content)
    if wanted in _BEGINS:
        return content.startswith(_BEGINS[wanted])
    begun = next((kind for kind, marks in _BEGINS.items() if content.startswith(marks)), None)
    return begun is None or _matches(begun, wanted) or begun == "application/zip"


def _matches(media: str, wanted: str) -> bool:
    family, _, kind = wanted.partition("/")
    return media == wanted or (kind == "*" and media.startswith(f"{family}/"))


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False
