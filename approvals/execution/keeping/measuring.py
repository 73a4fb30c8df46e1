"""What there is, what of it is old, and how fast it grows."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version

from django.db.models import Count
from django.utils import timezone

from approvals.execution.keeping.told import retention_told
from approvals.models import Removal, RemovalStatus, Thread
from approvals.opened import checkpointer, is_together
from chains.checkpointers import MemoryCheckpointer
from chains.checkpointers.measuring import CannotMeasure, Measured, measure

PACKAGES = ("langgraph", "langgraph-checkpoint", "langgraph-checkpoint-postgres", "langgraph-checkpoint-sqlite")
LARGEST = 10
# Threads that are asked for, of savers that can say nothing else.
ASKED = 200
# Full days whose new threads tell how fast it grows.
DAYS = 7
LOOKED_UP = 10_000


@dataclass(frozen=True)
class Status:
    """`measured` is None where nothing can be said, for which `why_not` has the reason. `per_day` are bytes: the
    threads that came in on each of the last days, times what a thread has on average.
    """

    kind: str
    is_fenced: bool
    packages: dict[str, str]
    by_status: dict[str, int]
    measured: Measured | None
    why_not: str = ""
    removed: int = 0
    half_removed: int = 0
    orphans: int = 0
    new_per_day: float = 0.0
    largest: list[tuple[str, int, int]] = field(default_factory=list)
    retention: str = ""

    @property
    def per_thread(self) -> float:
        found = self.measured
        return found.live / found.threads if found and found.threads else 0.0

    @property
    def per_checkpoint(self) -> float:
        found = self.measured
        return found.live / found.checkpoints if found and found.checkpoints else 0.0

    @property
    def per_day(self) -> float:
        return self.new_per_day * self.per_thread

    def in_days(self, days: int) -> float:
        return (self.measured.bytes if self.measured else 0) + days * self.per_day


def status(*, now: datetime | None = None) -> Status:
    found = checkpointer()
    measured, why_not = _measured()
    statuses = Thread.objects.order_by().values_list("status").annotate(Count("id"))
    return Status(
        kind=found.label,
        is_fenced=found.is_fenced,
        packages={name: version(name) for name in PACKAGES},
        by_status=dict(statuses),
        measured=measured,
        why_not=why_not,
        removed=Removal.objects.filter(status=RemovalStatus.DONE, removed__gt=0).count(),
        half_removed=Removal.objects.half_done().count(),
        orphans=_orphans(measured) if measured else 0,
        new_per_day=_new_per_day(now or timezone.now()),
        largest=measured.largest(LARGEST) if measured else [],
        retention=retention_told(),
    )


def _measured() -> tuple[Measured | None, str]:
    found = checkpointer()
    if isinstance(found, MemoryCheckpointer) and not is_together():
        return None, "They are in the memory of the process that runs workers and pages, and this is another."
    known = Thread.objects.order_by("-created_at").values_list("id", flat=True)[:ASKED]
    try:
        with found.read() as reading:
            return measure(reading.saver, [str(one) for one in known], all_threads=Thread.objects.count()), ""
    except CannotMeasure as error:
        return None, str(error)


def _orphans(measured: Measured) -> int:
    """Threads in the store that the application knows nothing of; of a sample, scaled up."""
    names = list(measured.by_thread)[:LOOKED_UP]
    if not names:
        return 0
    known = {str(one) for one in Thread.objects.filter(id__in=_uuids(names)).values_list("id", flat=True)}
    return round(sum(name not in known for name in names) * max(1.0, measured.threads / len(names)))


def _uuids(names: list[str]) -> list[str]:
    """Others' threads may be called anything."""
    return [name for name in names if len(name) == 36 and name.count("-") == 4 and _is_hex(name.replace("-", ""))]


def _is_hex(text: str) -> bool:
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)


def _new_per_day(now: datetime) -> float:
    """Of the last full days; of a younger installation, of the time it has been there, and a day at least."""
    since = now - timedelta(days=DAYS)
    first = Thread.objects.order_by("created_at").values_list("created_at", flat=True).first()
    if first is None:
        return 0.0
    days = max(1.0, min(float(DAYS), (now - first) / timedelta(days=1)))
    return Thread.objects.filter(created_at__gte=since, created_at__lt=now).count() / days
