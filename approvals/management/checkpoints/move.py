"""manage.py checkpoints move: all checkpoints from one place to another, while workers work."""

import json
import os
import sqlite3
from typing import Any, ClassVar

import psycopg
from django.conf import settings
from django.core.management.base import CommandError, CommandParser, OutputWrapper

from approvals.execution.moving import REFUSALS, Place, Progress, move, name_of, place_of, rename, reopen, setting_for

SOME = 20
BY_ENVIRONMENT = "env:"
NEXT = "{change}, and start web and workers anew: until then nothing is taken up."


class Move:
    name: ClassVar[str] = "move"
    help: ClassVar[str] = "copy all checkpoints elsewhere and compare them; with --switch, use them there from then on"

    def add_arguments(self, parser: CommandParser) -> None:
        where = f"as HOLDPOINT_CHECKPOINTS has it, or own, or {BY_ENVIRONMENT}NAME for what a variable holds"
        parser.add_argument("--from", dest="source", metavar="PLACE", help=f"{where}; as set, if not given")
        parser.add_argument("--to", dest="target", metavar="PLACE", help=where)
        parser.add_argument("--to-options", default="", metavar="JSON", help="as HOLDPOINT_CHECKPOINT_OPTIONS has it")
        parser.add_argument("--orphans", action="store_true", help="also threads that are no requests of Holdpoint's")
        parser.add_argument("--switch", action="store_true", help="let workers wait, copy the rest, and use the copy")
        parser.add_argument("--patience", type=float, default=60, help="seconds to wait for workers when switching")
        parser.add_argument("--reopen", action="store_true", help="give up a move that was killed while workers waited")

        parser.add_argument(
            "--renamed", action="store_true", help="it is the same place, which has another address or option now"
        )

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        try:
            if options["renamed"]:
                out.write(f"The checkpoints are in {rename()}. Start web and workers anew.")
                return
            if options["reopen"]:
                reopen()
                out.write("Workers go on where they were.")
                return
            source, target = _places(options)
            progress = move(
                source,
                target,
                orphans=options["orphans"],
                switch=options["switch"],
                patience=options["patience"],
                tell=out.write,
            )
        except (*REFUSALS, psycopg.Error, sqlite3.Error, OSError) as error:
            raise CommandError(
                f"{error} What is copied stays copied, and nothing has changed where it is used."
            ) from error
        _say(out, progress, target, switched=options["switch"])


def _places(options: dict[str, Any]) -> tuple[Place, Place]:
    if not options["target"]:
        raise CommandError("Say where to: --to sqlite:///path, --to postgresql://..., --to own or --to custom:...")
    try:
        given = json.loads(options["to_options"]) if options["to_options"] else None
    except ValueError as error:
        raise CommandError(f"--to-options is not JSON: {error}.") from error
    source = settings.HOLDPOINT_CHECKPOINTS if options["source"] is None else _said(options["source"])
    return place_of(source), place_of(_said(options["target"]), given)


def _said(text: str) -> str:
    """An address with a password is seen by everybody who can list processes."""
    return os.environ.get(text.removeprefix(BY_ENVIRONMENT), "") if text.startswith(BY_ENVIRONMENT) else text


def _say(out: OutputWrapper, progress: Progress, target: Place, *, switched: bool) -> None:
    out.write(
        f"Copied and compared {progress.threads} threads, {progress.checkpoints} checkpoints, {progress.writes} writes."
    )
    for thread_id in progress.busy[:SOME]:
        out.write(f"  at work, so for later: {thread_id}")
    for thread_id in progress.orphans[:SOME]:
        out.write(f"  no request of Holdpoint's (--orphans moves it): {thread_id}")
    if len(progress.orphans) > SOME:
        out.write(f"  and {len(progress.orphans) - SOME} more that are none.")
    if switched:
        out.write(NEXT.format(change=setting_for(name_of(target))))
    else:
        out.write("Nothing is used from there yet. Repeat this with --switch when it is time.")
