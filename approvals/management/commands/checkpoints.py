"""manage.py checkpoints: everything about where LangGraph's checkpoints are kept. Each act is a module beside."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from approvals.management.checkpoints.act import Act
from approvals.management.checkpoints.archive import Archive
from approvals.management.checkpoints.backup import Backup
from approvals.management.checkpoints.move import Move
from approvals.management.checkpoints.prune import Prune
from approvals.management.checkpoints.release import Release
from approvals.management.checkpoints.reseal import Reseal
from approvals.management.checkpoints.restore import Restore
from approvals.management.checkpoints.setup import Setup
from approvals.management.checkpoints.status import Status
from approvals.management.checkpoints.unarchive import Unarchive
from approvals.management.checkpoints.verify import Verify

ACTS: dict[str, Act] = {
    act.name: act
    for act in (
        Setup(),
        Status(),
        Prune(),
        Archive(),
        Unarchive(),
        Verify(),
        Move(),
        Backup(),
        Restore(),
        Release(),
        Reseal(),
    )
}


class Command(BaseCommand):
    help = "Set up, measure, prune, move, back up and verify checkpoints."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        for act in ACTS.values():
            act.add_arguments(acts.add_parser(act.name, help=act.help))

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        ACTS[act].run(self.stdout, options)
