"""manage.py tidy_files: throw away files of forms that were never sent. Run it once a day."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import JSONField, Model, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from approvals import files
from approvals.models import Decision, Run, Thread

# Everything that keeps what a form has brought.
KEPT_IN: tuple[tuple[type[Model], str], ...] = ((Thread, "input"), (Run, "payload"), (Decision, "answer"))


class Command(BaseCommand):
    help = "Throw away attached files that are older than a day and belong to no thread."

    def handle(self, *args: Any, **options: Any) -> None:
        """Old files first, then who needs them: a file that is that old can no longer be sent for the first time."""
        old = list(files.stored(before=timezone.now() - files.ORPHANED_AFTER))
        needed = set(_references()) if old else set()
        orphans = [reference for reference in old if reference not in needed]
        for reference in orphans:
            files.throw_away(reference)
        self.stdout.write(f"Threw away {len(orphans)} of {len(old)} files older than a day.")


def _references() -> Iterator[str]:
    for model, name in KEPT_IN:
        field = model._meta.get_field(name)
        assert isinstance(field, JSONField)
        rows = model._default_manager.annotate(as_text=Cast(name, TextField()))
        for value in rows.filter(as_text__contains=f"{files.FOLDER}/").values_list(name, flat=True).iterator():
            yield from files.references_in(value)
