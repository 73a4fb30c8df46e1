"""manage.py checkpoints prune: remove the checkpoints of old threads. The record of all decisions stays."""

from collections import Counter
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from approvals.execution import keeping
from approvals.execution.keeping import CannotRemove, How, Pace, Tally
from approvals.management.checkpoints import asked


class Prune:
    name: ClassVar[str] = "prune"
    help: ClassVar[str] = "remove the checkpoints of threads that have ended; safe beside workers, and to be repeated"

    def add_arguments(self, parser: CommandParser) -> None:
        asked.add_choice(parser)
        kept = parser.add_mutually_exclusive_group(required=True)
        kept.add_argument("--keep-latest", action="store_true", help="the newest stays: the final state can be read")
        kept.add_argument("--all", action="store_true", help="nothing stays but the record")
        asked.add_pace(parser)

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        wanted = asked.wanted(options, keep_latest=options["keep_latest"])
        try:
            keeping.require_able(keep_latest=wanted.keep_latest)
        except CannotRemove as error:
            raise CommandError(str(error)) from error
        count = keeping.eligible(wanted).count()
        if options["dry_run"]:
            out.write(f"{count} threads would be pruned. Nothing was changed.")
            return
        with asked.progress(count, "threads", is_shown=options["verbosity"] > 0) as bar:
            how = How(wanted, why=asked.told(self.name, options))
            tally = keeping.prune(how, pace=Pace(options["share"]), on_turn=lambda many, turn: bar.update(many))
        tell(out, tally)


def tell(out: OutputWrapper, tally: Tally) -> None:
    out.write(f"{tally.threads} threads pruned, {tally.checkpoints} checkpoints removed.")
    tell_left(out, tally)


def tell_left(out: OutputWrapper, tally: Tally) -> None:
    for why, many in Counter(tally.left.values()).most_common():
        out.write(f"{many} left: {why}")
