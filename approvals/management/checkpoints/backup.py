"""manage.py checkpoints backup: rows, checkpoints and attached files in one directory."""

import sqlite3
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.db import DatabaseError

from approvals.execution.backups import BadBackup, left_out, take


class Backup:
    name: ClassVar[str] = "backup"
    help: ClassVar[str] = "back up rows, checkpoints and attached files, while everybody works"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new directory is made in it")

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        try:
            made = take(options["to"], tell=out.write)
        except (BadBackup, OSError, DatabaseError, psycopg.Error, sqlite3.Error) as error:
            raise CommandError(f"No backup was taken: {error}") from error
        out.write(f"{made} is complete.")
        if told := left_out():
            out.write(told)
