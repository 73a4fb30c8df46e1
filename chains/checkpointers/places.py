"""Where checkpoints are kept, as one setting says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from langgraph.checkpoint.serde.base import SerializerProtocol

from chains.checkpointers.custom import CustomCheckpointer
from chains.checkpointers.locked import Checkpointer
from chains.checkpointers.memory import MemoryCheckpointer
from chains.checkpointers.postgres import PostgresCheckpointer, PostgresElsewhere
from chains.checkpointers.sqlite import SqliteCheckpointer

HOW = (
    "Write memory://, sqlite:///path/to/file, postgresql://user:password@host:port/name, "
    "or custom:package.module.function."
)
SCHEMA = "schema"


class BadPlace(ValueError):
    """The setting cannot be understood; the sentence says what to write."""


class Kind(StrEnum):
    """`OWN` is the application's own database."""

    OWN = "own"
    MEMORY = "memory"
    SQLITE = "sqlite"
    POSTGRES = "postgres"
    CUSTOM = "custom"


# What each takes beside its address, with what a number must at least be: seconds, and connections of a pool.
OPTIONS: dict[Kind, dict[str, float]] = {
    Kind.MEMORY: {"connect_seconds": 1},
    Kind.SQLITE: {"connect_seconds": 1, "busy_seconds": 0},
    Kind.POSTGRES: {"connect_seconds": 1, "statement_seconds": 0, "readers": 1},
}
OPTIONS[Kind.OWN] = OPTIONS[Kind.POSTGRES]


@dataclass(frozen=True)
class Place:
    """`target`: a path, an address without `schema`, or module.function."""

    kind: Kind
    target: str = field(default="", repr=False)  # it may hold a password
    schema: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, text: str, options: Mapping[str, Any] | None = None, *, home: Path = Path()) -> "Place":
        """Nothing at all is the application's own database. Relative paths begin at `home`. Raises BadPlace."""
        kind, target, schema = _told(text)
        if kind is Kind.SQLITE:
            target = str(home / target)
        if kind is not Kind.CUSTOM:
            _require_known(kind, options or {})
        return cls(kind, target, schema, dict(options or {}))

    def open(self, lock_dsn: str, serde: SerializerProtocol | None = None) -> Checkpointer:
        """`lock_dsn`: the application's own database, where threads are locked. Nothing is connected to yet."""
        named = dict(self.options)
        match self.kind:
            case Kind.OWN:
                return PostgresCheckpointer(lock_dsn, schema=self.schema, serde=serde, **named)
            case Kind.POSTGRES:
                return PostgresElsewhere(self.target, lock_dsn=lock_dsn, schema=self.schema, serde=serde, **named)
            case Kind.SQLITE:
                return SqliteCheckpointer(Path(self.target), lock_dsn=lock_dsn, serde=serde, **named)
            case Kind.MEMORY:
                return MemoryCheckpointer(lock_dsn=lock_dsn, serde=serde, **named)
            case Kind.CUSTOM:
                return CustomCheckpointer(self.target, {**named, "serde": serde}, lock_dsn=lock_dsn)


def _told(text: str) -> tuple[Kind, str, str]:
    if not text:
        return Kind.OWN, "", ""
    scheme, _, rest = text.partition(":")
    if scheme == "custom" and "." in rest:
        return Kind.CUSTOM, rest, ""
    if text == "memory://":
        return Kind.MEMORY, "", ""
    if text.startswith("sqlite:///") and len(text) > len("sqlite:///"):
        return Kind.SQLITE, unquote(text.removeprefix("sqlite:///")), ""
    if scheme in ("postgresql", "postgres"):
        return (Kind.POSTGRES, *_postgres(text))
    raise BadPlace(f"This is no place for checkpoints. {HOW}")


def _postgres(text: str) -> tuple[str, str]:
    """The address, and the schema it asks for: PostgreSQL itself knows no such parameter."""
    parts = urlsplit(text)
    if not parts.path.strip("/"):
        raise BadPlace("The address names no database. Write postgresql://user:password@host:port/name.")
    asked = parse_qsl(parts.query, keep_blank_values=True)
    schema = dict(asked).get(SCHEMA, "")
    if schema and not (schema.isidentifier() and schema.isascii() and schema == schema.lower()):
        raise BadPlace("The schema's name has odd signs. Use lower-case letters, digits and _.")
    rest = urlencode([(name, value) for name, value in asked if name != SCHEMA])
    return parts._replace(query=rest).geturl(), schema


def _require_known(kind: Kind, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        least = OPTIONS[kind].get(name)
        if least is None:
            known = ", ".join(sorted(OPTIONS[kind]))
            raise BadPlace(f"The option {name} is not known for these checkpoints. Known are: {known}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
            raise BadPlace(f"The option {name} has to be a number of at least {least:g}.")
