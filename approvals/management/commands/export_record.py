"""manage.py export_record: lines of the record as CSV or JSON Lines."""

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from approvals.record.export import Format, export, whole_file
from approvals.record.narrowing import Narrowing, day


class Command(BaseCommand):
    help = "Write out lines of the record. That they were taken out is noted in the record itself."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", type=Format, choices=list(Format), default=Format.JSONL)
        parser.add_argument("--thread", type=UUID, metavar="ID")
        parser.add_argument("--from", type=day, dest="first", metavar="DATE", help="the first day")
        parser.add_argument("--to", type=day, dest="last", metavar="DATE", help="the last day, included")
        parser.add_argument("--chain", default="")
        parser.add_argument("--person", default="", help="a user name, or part of a name as the record has it")
        parser.add_argument("--out", type=Path, metavar="FILE", help="a new file; otherwise standard output")

    def handle(
        self,
        *args: Any,
        format: Format,
        out: Path | None,
        thread: UUID | None,
        first: date | None,
        last: date | None,
        chain: str,
        person: str,
        **options: Any,
    ) -> None:
        narrowing = Narrowing(thread=thread, first=first, last=last, chain=chain, person=person)
        try:
            with whole_file(out, otherwise=self.stdout) as file:
                exported = export(file, Format(format), narrowing)
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"{exported.rows} lines, SHA-256 {exported.sha256}. This is noted in the record.")
