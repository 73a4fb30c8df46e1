"""manage.py checkpoints restore: a backup into an empty database, with everything that was unfinished held."""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.db import DatabaseError, connection

from approvals.execution.backups import BadBackup, Restored, hold_only, restore
from approvals.execution.backups_holding import held_back

SOME = 50
LOOK = "Look at each, then let it go on with manage.py checkpoints release, or stop it on its page."


class Restore:
    name: ClassVar[str] = "restore"
    help: ClassVar[str] = "put a backup back; what was unfinished then is held until checkpoints release"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, nargs="?", metavar="DIR", help="as checkpoints backup has made it")
        parser.add_argument("--wipe", action="store_true", help="throw away what is in the database")
        parser.add_argument("--yes-wipe", default="", metavar="NAME", help="the database's name, instead of typing it")
        parser.add_argument(
            "--hold-only",
            type=datetime.fromisoformat,
            metavar="MOMENT",
            help="after pg_restore: only hold what was unfinished; when that backup was taken, as 2026-11-22T21:00Z",
        )

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        try:
            restored = self._restored(out, options)
        except (BadBackup, OSError, DatabaseError, psycopg.Error, sqlite3.Error) as error:
            raise CommandError(f"Not restored: {error}") from error
        out.write(f"Restored what was there at {restored.taken_at:%Y-%m-%d %H:%M:%S %Z}: {restored.rows} rows.")
        out.write(f"Unfinished requests that are held: {len(restored.held)}. {LOOK}")
        for number, kept in enumerate(held_back()):
            if number == SOME:
                out.write("  and more: manage.py checkpoints release lists all.")
                break
            out.write(f"  {kept.thread.id}  {kept.thread.title[:60]}  {'; '.join(kept.would)}")

    def _restored(self, out: OutputWrapper, options: dict[str, Any]) -> Restored:
        if options["hold_only"]:
            moment: datetime = options["hold_only"]
            if moment.tzinfo is None:
                raise CommandError("Say the time zone of that moment, such as 2026-11-22T21:00Z.")
            return Restored(moment, 0, hold_only(moment))
        if options["directory"] is None:
            raise CommandError("Say which backup.")
        if options["wipe"]:
            _confirm(options["yes_wipe"])
        return restore(options["directory"], wipe=options["wipe"], tell=out.write)


def _confirm(said: str) -> None:
    name = str(connection.settings_dict["NAME"])
    try:
        typed = said or input(f"Everything in the database {name} will be gone. Type its name: ")
    except EOFError as error:
        raise CommandError("There is no terminal to answer at. Give --yes-wipe with the database's name.") from error
    if typed.strip() != name:
        raise CommandError("That is not its name, so nothing was changed.")
