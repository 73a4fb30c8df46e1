"""Files of an archive: JSON Lines in gzip, with a manifest beside each, written to another name first.

A thread is a head line, {"thread", "form", "rows"}, and that many lines of rows, {"in": table, ...columns}; bytes are
{"base64": "..."}. The manifest has the SHA-256 of the file, and of each thread's lines of rows.
"""

import base64
import gzip
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from chains.checkpointers.rows import COLUMNS, Form, Row

FORMAT, VERSION = "holdpoint-archive", 1
PACKAGES = ("langgraph", "langgraph-checkpoint", "langgraph-checkpoint-postgres", "langgraph-checkpoint-sqlite")
CHECKPOINTS = "checkpoints"


class BadArchive(RuntimeError):
    """A file of the archive is not what its manifest says, or is no such file; the sentence says which."""


@dataclass(frozen=True)
class Kept:
    """One thread in a file."""

    sha256: str
    form: Form
    rows: int
    checkpoints: int


@dataclass(frozen=True)
class Manifest:
    file: str
    bytes: int
    sha256: str
    made_at: str
    threads: dict[str, Kept] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    format: str = FORMAT
    version: int = VERSION

    @property
    def made(self) -> datetime:
        return datetime.fromisoformat(self.made_at)


@dataclass
class Writing:
    """A file that is being written; nobody takes it for one of the archive until `finish`."""

    directory: Path
    made: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        """Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.name = f"threads-{self.made:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}.jsonl.gz"
        self._path = self.directory / f".{self.name}.part"
        self._file = open(_private(self._path), "wb")  # noqa: SIM115  (closed by finish or give_up)
        self._zip = gzip.GzipFile(filename="", fileobj=self._file, mode="wb", mtime=0)
        self.threads: dict[str, Kept] = {}
        self.size = 0

    def add(self, thread_id: str, form: Form, rows: Iterable[tuple[str, Row]]) -> Kept:
        lines, kept = _told(form, rows)
        head = {"thread": thread_id, "form": form.value, "rows": kept.rows}
        self._write(_line(head))
        for line in lines:
            self._write(line)
        self.threads[thread_id] = kept
        return kept

    def finish(self) -> Manifest:
        """On disk, under its name, with its manifest."""
        self._zip.close()
        self._file.flush()
        _to_disk(self._file.fileno())
        self._file.close()
        size, found = self._path.stat().st_size, _sha256_of(self._path)
        packages = {name: version(name) for name in PACKAGES}
        manifest = Manifest(self.name, size, found, self.made.isoformat(), self.threads, packages)
        os.replace(self._path, self.directory / self.name)
        _write_whole(self.directory / _manifest_name(self.name), json.dumps(asdict(manifest), indent=1).encode())
        return manifest

    def give_up(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _write(self, line: bytes) -> None:
        self._zip.write(line)
        self.size += len(line)


def sha256_of_rows(form: Form, rows: Iterable[tuple[str, Row]]) -> str:
    """As the manifest has it."""
    return _told(form, rows)[1].sha256


def manifests(directory: Path) -> list[Manifest]:
    """Of all finished files, the newest last. Raises BadArchive for a manifest that cannot be read."""
    found = [_read_manifest(path) for path in sorted(directory.glob("threads-*.json"))]
    return sorted(found, key=lambda manifest: manifest.made_at)


def check(directory: Path, manifest: Manifest) -> None:
    """The whole file, byte for byte and thread for thread. Raises BadArchive."""
    path = directory / manifest.file
    if not path.exists() or _sha256_of(path) != manifest.sha256:
        raise BadArchive(f"{manifest.file} is not the file its manifest tells of. Restore it from a copy.")
    found = {thread_id: _told(form, rows)[1] for thread_id, form, rows in _threads_in(path)}
    if found != manifest.threads:
        raise BadArchive(f"{manifest.file} holds other threads than its manifest says. Restore it from a copy.")


def rows_in(directory: Path, manifest: Manifest, thread_id: str) -> list[tuple[str, Row]]:
    """One thread's, as they were. Raises BadArchive."""
    for found, form, rows in _threads_in(directory / manifest.file):
        if found == thread_id:
            if sha256_of_rows(form, rows) != manifest.threads[thread_id].sha256:
                raise BadArchive(f"The thread {thread_id} was changed in {manifest.file}. Restore it from a copy.")
            return rows
    raise BadArchive(f"{manifest.file} holds no thread {thread_id}. Restore it from a copy.")


def each_in(directory: Path, manifest: Manifest) -> Iterator[tuple[str, Form, list[tuple[str, Row]]]]:
    """Every thread of a file that was checked, with its rows. Raises BadArchive."""
    return _threads_in(directory / manifest.file)


def _told(form: Form, rows: Iterable[tuple[str, Row]]) -> tuple[list[bytes], Kept]:
    digest, lines, checkpoints = hashlib.sha256(), [], 0
    for table, row in rows:
        lines.append(_line({"in": table, **{name: _as_json(value) for name, value in row.items()}}))
        digest.update(lines[-1])
        checkpoints += table == CHECKPOINTS
    return lines, Kept(digest.hexdigest(), form, len(lines), checkpoints)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _as_json(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _from_json(value: Any) -> Any:
    return base64.b64decode(value["base64"], validate=True) if isinstance(value, dict) else value


def _threads_in(path: Path) -> Iterator[tuple[str, Form, list[tuple[str, Row]]]]:
    try:
        with gzip.open(path, "rb") as lines:
            while line := lines.readline():
                head = json.loads(line)
                form = Form(head["form"])
                yield head["thread"], form, [_row(form, json.loads(lines.readline())) for _ in range(head["rows"])]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise BadArchive(f"{path.name} cannot be read ({type(error).__name__}). Restore it from a copy.") from error


def _row(form: Form, told: dict[str, Any]) -> tuple[str, Row]:
    """Only columns that are known, since their names go into a statement."""
    table = told.pop("in")
    if set(told) != set(COLUMNS[form][table]):
        raise ValueError(table)
    return table, {name: _from_json(told[name]) for name in told}


def _read_manifest(path: Path) -> Manifest:
    try:
        told = json.loads(path.read_bytes())
        if told["format"] != FORMAT or told["version"] != VERSION or Path(told["file"]).name != told["file"]:
            raise ValueError(told["format"])
        threads = {name: Kept(**{**kept, "form": Form(kept["form"])}) for name, kept in told["threads"].items()}
        return Manifest(**{**told, "threads": threads})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadArchive(f"{path.name} is no manifest this release can read. Restore it from a copy.") from error


def _manifest_name(file: str) -> str:
    return file.removesuffix(".jsonl.gz") + ".json"


def _write_whole(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with open(_private(part), "wb") as file:
        file.write(content)
        file.flush()
        _to_disk(file.fileno())
    os.replace(part, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        _to_disk(directory)
    finally:
        os.close(directory)


def _private(path: Path) -> int:
    """A new file that nobody else can read."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _to_disk(descriptor: int) -> None:
    os.fsync(descriptor)


def _sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
