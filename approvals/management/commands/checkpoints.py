"""manage.py checkpoints: everything about where LangGraph's checkpoints are kept. Each act is a module beside."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from approvals.management.checkpoints.act import Act
from approvals.management.checkpoints.setup import Setup

ACTS: dict[str, Act] = {act.name: act for act in (Setup(),)}


class Command(BaseCommand):
    help = "Set up, measure, prune, move, back up and verify checkpoints."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        for act in ACTS.values():
            act.add_arguments(acts.add_parser(act.name, help=act.help))

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        ACTS[act].run(self.stdout, options)
