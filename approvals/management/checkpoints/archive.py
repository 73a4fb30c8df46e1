"""manage.py checkpoints archive: old threads' checkpoints into files, and out of the database if asked."""

from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from approvals.execution import keeping
from approvals.execution.keeping import BadArchive, CannotRemove, How, Pace
from approvals.management.checkpoints import asked
from approvals.management.checkpoints.prune import tell, tell_left


class Archive:
    name: ClassVar[str] = "archive"
    help: ClassVar[str] = "write the checkpoints of threads that have ended to compressed files"

    def add_arguments(self, parser: CommandParser) -> None:
        asked.add_choice(parser)
        parser.add_argument("--dir", default="", help="where the archive is, if not HOLDPOINT_ARCHIVE")
        parser.add_argument("--remove", action="store_true", help="once it was read back, remove what was archived")
        parser.add_argument("--keep-latest", action="store_true", help="with --remove: the newest checkpoint stays")
        parser.add_argument("--per-file", type=int, default=500, metavar="THREADS")
        asked.add_pace(parser)

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        wanted = asked.wanted(options, keep_latest=options["keep_latest"])
        directory = asked.directory(options["dir"])
        if options["per_file"] < 1:
            raise CommandError("--per-file is a number of threads, 1 or more.")
        try:
            keeping.require_here()
            if options["remove"]:
                keeping.require_able(keep_latest=wanted.keep_latest)
            count = keeping.eligible(wanted).count()
            if options["dry_run"]:
                out.write(f"{count} threads would be looked at. Nothing was written.")
                return
            with asked.progress(count, "threads", is_shown=options["verbosity"] > 0) as bar:
                found = keeping.archive(
                    How(wanted, why=asked.told(self.name, options)),
                    directory,
                    pace=Pace(options["share"]),
                    removes=options["remove"],
                    on_turn=lambda many, turn: bar.update(many),
                    threads_per_file=options["per_file"],
                )
        except (BadArchive, CannotRemove, OSError) as error:
            raise CommandError(str(error)) from error
        out.write(f"{found.written} threads archived in {len(found.files)} files.")
        if options["remove"]:
            tell(out, found.removed)
        else:
            tell_left(out, found.removed)
