"""manage.py checkpoints setup: what the checkpoints need, made or repaired."""

from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from approvals.execution import BadPlace, SaverFailed, set_up_checkpoints


class Setup:
    name: ClassVar[str] = "setup"
    help: ClassVar[str] = "make or repair what the checkpoints need; safe to repeat, and by many processes at once"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--patience", type=float, default=60, help="seconds to wait for a process that is at it")

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        try:
            set_up_checkpoints(patience=options["patience"])
        except (BadPlace, SaverFailed, TimeoutError) as error:
            raise CommandError(str(error)) from error
        if options["verbosity"] > 0:
            out.write("The checkpoints are ready.")
