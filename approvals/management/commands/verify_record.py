"""manage.py verify_record: find every line and row that was changed, removed, added or reordered, and say which."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from approvals.record.checking import Check, remember
from approvals.record.heads import BadHeads

NO_HEADS = "No kept heads were given: a thread whose last lines were cut off would not show (see record_heads)."
NOT_REMEMBERED = "This check is not in the record itself: the database refused the line."


class Command(BaseCommand):
    help = "Check that the record is whole, and agrees with the rows it tells of. Exits with 1 when it is not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--thread", type=UUID, metavar="ID", help="only this thread")
        parser.add_argument(
            "--heads", type=Path, metavar="FILE", action="append", default=[], help="of record_heads; may be repeated"
        )

    def handle(self, *args: Any, thread: UUID | None, heads: list[Path], **options: Any) -> None:
        check = Check(thread=thread, heads=heads)
        try:
            for finding in check.findings():
                self.stdout.write(str(finding))
        except (BadHeads, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{check.lines} lines of {check.threads} threads and {check.heads} kept heads: {check.found} findings."
        )
        if not heads:
            self.stdout.write(NO_HEADS)
        if thread is None:
            self._remember(check)
        if check.found:
            raise CommandError("The record is not what it was. See the lines above.")

    def _remember(self, check: Check) -> None:
        """Whoever may only read can check, too."""
        try:
            remember(check)
        except DatabaseError:
            self.stdout.write(NOT_REMEMBERED)
