"""The manifest of a backup: what it is of, and what each of its files has to be."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from approvals.execution.backups_tables import BadBackup, Dumped, measured, private
from chains.checkpointers import Kind

NAME = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """`rows` are the application's tables, with LangGraph's where those are in the same database; `checkpoints` those
    of a place of its own; `files` what people attached.
    """

    taken_at: datetime
    place: str
    kind: str
    server: int
    migrations: list[str]
    rows: list[Dumped]
    checkpoints: list[Dumped] = field(default_factory=list)
    files: list[Dumped] = field(default_factory=list)

    def write(self, directory: Path) -> Dumped:
        told = {
            "format": FORMAT,
            "taken_at": self.taken_at.isoformat(),
            "place": self.place,
            "kind": self.kind,
            "with_checkpoints": self.kind != Kind.CUSTOM,
            "server": self.server,
            "langgraph": version("langgraph"),
            "migrations": self.migrations,
            **{name: [dumped.kept for dumped in getattr(self, name)] for name in ("rows", "checkpoints", "files")},
        }
        with private(directory / NAME) as file:
            file.write(json.dumps(told, indent=1).encode())
        return measured(directory / NAME, directory)

    @classmethod
    def read(cls, directory: Path) -> "Manifest":
        """Reads every file it names. Raises BadBackup."""
        try:
            told = json.loads((directory / NAME).read_bytes())
            if told["format"] != FORMAT:
                raise BadBackup(f"This backup has the format {told['format']}. Restore it with the release it is of.")
            facts = {name: told[name] for name in ("place", "kind", "server", "migrations")}
            facts |= {name: [_dumped(one) for one in told[name]] for name in ("rows", "checkpoints", "files")}
            found = cls(taken_at=datetime.fromisoformat(told["taken_at"]), **facts)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadBackup(f"{directory} is no backup: {NAME} cannot be read ({type(error).__name__}).") from error
        for dumped in (*found.rows, *found.checkpoints, *found.files):
            _require_whole(dumped, directory)
        return found

    def require_same_tables(self) -> None:
        """Raises BadBackup."""
        here = migrations()
        lacking, more = sorted(set(self.migrations) - set(here)), sorted(set(here) - set(self.migrations))
        if lacking:
            raise BadBackup(f"The backup has {lacking[-1]}, this database has not. Run manage.py migrate.")
        if more:
            app, _, name = more[0].partition(".")
            raise BadBackup(
                f"The backup was taken before {app}.{name}. Make an empty database with the release it is of, restore "
                "it there, and run manage.py migrate with this one."
            )


def migrations() -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def _dumped(kept: dict[str, Any]) -> Dumped:
    name = str(kept["file"])
    if name.startswith("/") or ".." in Path(name).parts:
        raise ValueError
    return Dumped(**{**kept, "columns": tuple(kept["columns"])})


def _require_whole(dumped: Dumped, directory: Path) -> None:
    path = directory / dumped.file
    found: Callable[[], Dumped] = lambda: measured(path, directory)  # noqa: E731
    if not path.is_file() or (found().sha256, found().size) != (dumped.sha256, dumped.size):
        raise BadBackup(f"{dumped.file} of the backup is missing, or not what it was. Use another backup.")
