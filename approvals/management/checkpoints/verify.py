"""manage.py checkpoints verify: read every checkpoint of every thread, and list what cannot be read or is missing."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.utils.timezone import is_naive, make_aware

from approvals.execution import keeping
from approvals.execution.keeping import Elsewhere
from approvals.management.checkpoints import asked


class Verify:
    name: ClassVar[str] = "verify"
    help: ClassVar[str] = "read every checkpoint strictly; exits with 1 when anything cannot be read or is missing"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=_moment, help="only threads with which something happened since, ISO 8601")
        parser.add_argument("--thread", type=uuid.UUID)

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        threads = keeping.threads_to_verify(since=options["since"], thread_id=options["thread"])
        total, checkpoints, troubles = threads.count(), 0, 0

        def count(found: int) -> None:
            nonlocal checkpoints
            checkpoints += found
            bar.update()

        try:
            with asked.progress(total, "threads", is_shown=options["verbosity"] > 0) as bar:
                for trouble in keeping.verify(threads, on_thread=count):
                    troubles += 1
                    place = [trouble.namespace, trouble.checkpoint_id, trouble.channel]
                    out.write("  ".join([str(trouble.thread_id), *filter(None, place), trouble.why]))
        except Elsewhere as error:
            raise CommandError(str(error)) from error
        if troubles:
            raise CommandError(f"{troubles} found in {total} threads. Restore what is damaged from a backup.")
        out.write(f"{total} threads with {checkpoints} checkpoints: all can be read.")


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return make_aware(found) if is_naive(found) else found
