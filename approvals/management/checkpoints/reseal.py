"""manage.py checkpoints reseal: after a new key was put first, or when sealing is turned on."""

from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from tqdm import tqdm

from approvals.execution import resealing


class Reseal:
    name: ClassVar[str] = "reseal"
    help: ClassVar[str] = "seal with the first key what is saved already; safe to repeat, and while workers run"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--plain-too", action="store_true", help="what is not sealed yet, too: once, when sealing is turned on"
        )

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        try:
            self._reseal(out, plain_too=options["plain_too"])
            by_key = resealing.rows_by_key()
        except resealing.NotHere as error:
            raise CommandError(f"Not all is sealed. {error}") from error
        except resealing.CannotReseal as error:
            raise CommandError(f"Nothing to seal. {error} Is HOLDPOINT_CHECKPOINT_KEYS set?") from error
        for key, count in sorted(by_key.items()):
            out.write(f"{count} rows {f'are sealed with {key}' if key else 'are not sealed'}.")

    def _reseal(self, out: OutputWrapper, *, plain_too: bool) -> None:
        busy, broken, rows = 0, 0, 0
        done = resealing.reseal(plain_too=plain_too)
        for each in tqdm(done, total=resealing.threads_to_reseal(), unit="thread", disable=None):
            if each.error:
                broken += 1
                out.write(f"{each.thread_id}: {each.error}")
            busy += each.rows is None
            rows += each.rows or 0
        out.write(f"Sealed {rows} rows.")
        if busy or broken:
            raise CommandError(f"Left as they are: {busy} threads at work, {broken} that cannot be opened. Repeat it.")
