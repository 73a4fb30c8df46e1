"""manage.py checkpoints unarchive: bring threads back from the archive."""

import uuid
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from approvals.execution import keeping
from approvals.execution.keeping import BadArchive, CannotReturn
from approvals.management.checkpoints import asked


class Unarchive:
    name: ClassVar[str] = "unarchive"
    help: ClassVar[str] = "bring threads back from the archive; refused for a thread that has checkpoints"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dir", default="", help="where the archive is, if not HOLDPOINT_ARCHIVE")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--thread", type=uuid.UUID, action="append", default=[])
        which.add_argument("--all", action="store_true", help="every thread that the archive has")

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        directory = asked.directory(options["dir"])
        try:
            known = keeping.in_archive(directory)
        except BadArchive as error:
            raise CommandError(str(error)) from error
        names = list(known) if options["all"] else [str(thread_id) for thread_id in options["thread"]]
        refused = 0
        for name in names:
            try:
                if name not in known:
                    raise CannotReturn("It is not in this archive. Look into another directory.")
                count = keeping.bring_back(name, directory, known[name])
                out.write(f"{name}  {count} checkpoints are back")
            except (CannotReturn, BadArchive) as error:
                refused += 1
                out.write(f"{name}  {error}")
        if refused:
            raise CommandError(f"{refused} of {len(names)} threads were not brought back.")
