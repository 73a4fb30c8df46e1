"""What the record says was refused, against what those who were refused had been told."""

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Count

from approvals.models import Event, EventKind
from approvals.refusals import MOST

_DECISION = re.compile(r"^/interrupts/([0-9a-f-]{36})/decision/$")
# A question, and who posted an answer to it.
Attempt = tuple[str, int]


@dataclass
class Refusals:
    """Of posted answers: how often somebody was told no, and how often no answer came back to say what became of it."""

    told: Counter[Attempt] = field(default_factory=Counter)
    unknown: Counter[Attempt] = field(default_factory=Counter)

    def note(self, path: str, person_id: int, status: int) -> None:
        """One try of one form; `status` 0: no answer came."""
        about = _DECISION.match(path)
        if about and 400 <= status < 500:
            self.told[about[1], person_id] += 1
        elif about and not 0 < status < 500:
            self.unknown[about[1], person_id] += 1

    def wrong(self, thread_ids: list[uuid.UUID]) -> Iterator[str]:
        """A refusal is stored before it is told, so each one told has its line, up to the most that are kept. Of a
        try that nobody answered there may be one. There is no other way to such a line.
        """
        lines = Event.objects.filter(thread__in=thread_ids, kind=EventKind.DECISION_REFUSED)
        grouped = lines.values_list("data__interrupt", "actor").annotate(Count("id")).order_by()
        recorded = {(question, person): count for question, person, count in grouped}
        for question, person in sorted(recorded.keys() | self.told.keys(), key=str):
            least = self.told[question, person]
            most, found = least + self.unknown[question, person], recorded.get((question, person), 0)
            if not min(least, MOST) <= found <= most:
                told = f"they were told of {least} to {most}"
                yield f"question {question}: {found} refusals of {person} are recorded, {told}"
