"""manage.py checkpoints release: let go on what was held when a backup was put back."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser, OutputWrapper

from approvals.execution.backups_holding import held_back, holds, release


class Release:
    name: ClassVar[str] = "release"
    help: ClassVar[str] = "list what is held since a backup was put back, or let it go on"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--thread", type=uuid.UUID, action="append", default=[], help="only this; may be repeated")
        parser.add_argument("--all", action="store_true")
        parser.add_argument("--by", default="", metavar="USER", help="who has looked, for the record")

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        if not (options["thread"] or options["all"]):
            self._list(out)
            return
        person = _person(options["by"])
        held = holds() if options["all"] else holds().filter(thread_id__in=options["thread"])
        released = sum(release(hold, by=person) for hold in held)
        out.write(f"Let go: {released}. Still held: {holds().count()}.")

    def _list(self, out: OutputWrapper) -> None:
        for kept in held_back():
            out.write(f"{kept.thread.id}  {kept.thread.status:<9} {kept.thread.title[:60]}")
            for line in kept.would:
                out.write(f"    {line}")
        out.write(f"Held: {holds().count()}. Give --thread ID for each that may go on, or --all.")


def _person(name: str) -> User | None:
    if not name:
        return None
    found = User.objects.filter(username=name).first()
    if found is None:
        raise CommandError(f"There is nobody called {name} here.")
    return found
