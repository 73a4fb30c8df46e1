"""manage.py setup_checkpoints: LangGraph's own tables. Safe to run again, and by several processes at once."""

from typing import Any

from django.core.management.base import BaseCommand

from approvals.execution import set_up_checkpoints


class Command(BaseCommand):
    help = "Create or update the tables LangGraph keeps its checkpoints in. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        set_up_checkpoints()
        if options["verbosity"] > 0:
            self.stdout.write("The checkpoint tables are ready.")
