"""manage.py record_heads: the last line of every thread, in a file to keep where no one can reach both."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from approvals.record.export import whole_file
from approvals.record.heads import write_heads
from approvals.record.narrowing import moment


class Command(BaseCommand):
    help = "Write down where each thread's record ends. Keep the file elsewhere, and give it to verify_record."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, metavar="FILE", help="a new file; otherwise standard output")
        parser.add_argument("--since", type=moment, metavar="DATE", help="only threads with lines since then")

    def handle(self, *args: Any, out: Path | None, since: datetime | None, **options: Any) -> None:
        try:
            with whole_file(out, otherwise=self.stdout) as file:
                heads = write_heads(file, since=since)
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"{heads} heads.")
