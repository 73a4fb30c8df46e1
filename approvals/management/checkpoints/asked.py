"""What several acts of manage.py checkpoints take: which threads, from which archive, and how fast."""

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from approvals.execution.keeping import FINISHED, PRUNABLE, Wanted
from approvals.models import ThreadStatus


def add_choice(parser: CommandParser) -> None:
    """Which threads."""
    parser.add_argument("--older-than", type=float, default=0, metavar="DAYS", help="nothing happened since; 0: any")
    parser.add_argument("--status", choices=[str(status) for status in PRUNABLE], action="append", default=[])
    parser.add_argument("--chain", default="")
    parser.add_argument("--thread", type=uuid.UUID, action="append", default=[])


def add_pace(parser: CommandParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say how many, and change nothing")
    parser.add_argument("--share", type=float, default=0.1, help="of the time that is worked; the rest is pauses")


def wanted(options: dict[str, Any], *, keep_latest: bool) -> Wanted:
    """Raises CommandError."""
    if not 0 < options.get("share", 1) <= 1:
        raise CommandError("--share is a part of the time: more than 0, and 1 at most.")
    if options["older_than"] < 0:
        raise CommandError("--older-than is a number of days, 0 or more.")
    return Wanted(
        before=timezone.now() - timedelta(days=options["older_than"]),
        statuses=tuple(map(ThreadStatus, options["status"])) or FINISHED,
        chain=options["chain"],
        keep_latest=keep_latest,
        thread_ids=tuple(options["thread"]),
    )


def told(act: str, options: dict[str, Any]) -> str:
    """The command, for the record."""
    words = [f"manage.py checkpoints {act}"]
    words += [f"--older-than {options['older_than']:g}"] if options["older_than"] else []
    words += [f"--status {status}" for status in options["status"]]
    words += [f"--chain {options['chain']}"] if options["chain"] else []
    words += ["--thread ..."] if options["thread"] else []
    return f"{' '.join(words)}, by {os.environ.get('SUDO_USER') or os.environ.get('USER') or 'an operator'}"


def directory(given: str) -> Path:
    """Raises CommandError."""
    if given:
        return Path(given)
    if settings.HOLDPOINT_ARCHIVE is None:
        raise CommandError("Say where the archive is: --dir, or HOLDPOINT_ARCHIVE.")
    found: Path = settings.HOLDPOINT_ARCHIVE
    return found


@contextmanager
def progress(total: int, unit: str, *, is_shown: bool) -> Iterator[Any]:
    """On standard error, so that the output can be kept; none where nobody looks at a terminal."""
    with tqdm(total=total, unit=f" {unit}", file=sys.stderr, disable=None if is_shown else True) as bar:
        yield bar
