"""What became of checkpoints: those that were removed, and how long a chain's are kept."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.timezone import localtime

from approvals.models.people import record_key
from approvals.models.thread import Thread

GONE = "The checkpoints of this request were removed on {day}, so it cannot go on. Send the request again."
GOING = "The checkpoints of this request are being removed at this moment. Look again in a minute."


class RemovalStatus(models.TextChoices):
    MARKED = "marked", "Being removed"
    DONE = "done", "Removed"
    RETURNED = "returned", "Brought back from the archive"


class RemovalQuerySet(models.QuerySet["Removal"]):
    def half_done(self) -> "RemovalQuerySet":
        return self.filter(status=RemovalStatus.MARKED)

    def of(self, thread: Thread) -> "Removal | None":
        """None as well when there was nothing to be removed."""
        return self.filter(thread=thread).filter(Q(removed__gt=0) | Q(status=RemovalStatus.MARKED)).first()

    def had_checkpoints(self, thread: Thread) -> bool:
        return self.filter(thread=thread, checkpoints__gt=0).exists()


class Removal(models.Model):
    """One thread's checkpoints, taken away. Marked first, then deleted elsewhere, then done: a process that is killed
    in between leaves a mark, and the next one finishes.
    """

    thread = models.OneToOneField(Thread, on_delete=models.PROTECT, primary_key=True, related_name="removal")
    status = models.CharField(max_length=10, choices=RemovalStatus, default=RemovalStatus.MARKED)
    keeps_latest = models.BooleanField()
    # How many there were when it was marked, and how many went.
    checkpoints = models.PositiveIntegerField()
    removed = models.PositiveIntegerField(default=0)
    by = record_key("+")
    by_name = models.CharField(max_length=200, blank=True)
    why = models.CharField(max_length=300, blank=True)
    # The file of the archive that holds them, if one does.
    archive = models.CharField(max_length=200, blank=True)
    marked_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RemovalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RemovalStatus), name="removal_status_is_known"),
            models.CheckConstraint(
                condition=Q(status=RemovalStatus.MARKED, finished_at__isnull=True)
                | (~Q(status=RemovalStatus.MARKED) & Q(finished_at__isnull=False)),
                name="removal_is_finished_unless_marked",
            ),
        ]
        indexes = [
            models.Index(fields=["thread"], condition=Q(status=RemovalStatus.MARKED), name="removals_half_done"),
        ]

    def __str__(self) -> str:
        return f"Checkpoints of {self.thread_id}"

    @property
    def is_total(self) -> bool:
        """Nothing is left that the thread could go on from."""
        return self.status == RemovalStatus.DONE and not self.keeps_latest

    @classmethod
    def hindrance(cls, thread: Thread) -> str:
        """Why nothing can be run on this thread; empty when something can."""
        found = cls.objects.of(thread)
        if found is None or found.status == RemovalStatus.RETURNED:
            return ""
        if found.status == RemovalStatus.MARKED:
            return GOING
        if not found.is_total or found.finished_at is None:
            return ""
        return GONE.format(day=f"{localtime(found.finished_at):%-d %B %Y}")

    @classmethod
    def still_to_do(cls, *, keep_latest: bool) -> Q:
        """Of threads: those whose checkpoints were not removed as far as that since they were last active."""
        same = Q(removal__status=RemovalStatus.DONE, removal__finished_at__gte=models.F("last_activity_at"))
        return ~(same if keep_latest else same & Q(removal__keeps_latest=False))


class Retention(models.Model):
    """How long the checkpoints of a chain's finished threads are kept. Those of a chain without such a row are kept for
    ever; and the record stays in any case.
    """

    chain = models.CharField(max_length=100, unique=True)
    days = models.PositiveIntegerField(
        default=90,
        validators=[MinValueValidator(1), MaxValueValidator(36_500)],
        help_text="Counted from when something last happened to the thread.",
    )
    keep_latest = models.BooleanField(
        default=True, help_text="The newest checkpoint stays, so that the final state can still be read."
    )
    archive_first = models.BooleanField(
        default=False, help_text="Written to HOLDPOINT_ARCHIVE and read back before anything is removed."
    )
    includes_failed = models.BooleanField(default=False, help_text="Threads that failed as well, which nobody retried.")

    class Meta:
        verbose_name_plural = "retention"
        constraints = [models.CheckConstraint(condition=Q(days__gte=1), name="retention_is_a_day_or_more")]

    def __str__(self) -> str:
        return f"{self.chain}: {self.days} days"


class RetentionNight(models.Model):
    """One night's work, by the day it began on; `reached` is where the next turn goes on."""

    day = models.DateField(primary_key=True)
    began_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    reached = models.JSONField(default=dict)
    threads = models.PositiveIntegerField(default=0)
    checkpoints = models.PositiveBigIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.day}"
