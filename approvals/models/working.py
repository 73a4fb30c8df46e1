"""What people keep beside a question: put away for later, watched, half typed; and what they say to each other."""

import uuid

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import Now

from approvals.models.event import Event, EventKind
from approvals.models.interrupt import Interrupt
from approvals.models.people import LONGEST_NAME, record_key
from approvals.models.thread import Thread

# That somebody looked is no news.
QUIET = (EventKind.INTERRUPT_VIEWED,)


class SnoozeQuerySet(models.QuerySet["Snooze"]):
    def in_effect(self) -> "SnoozeQuerySet":
        """By the database's clock, or for as long as nobody else has added a line to the thread's record."""
        return self.filter(Q(until__gt=Now()) | Q(until__isnull=True) & ~Exists(_news()))

    def with_news(self) -> "SnoozeQuerySet":
        """`news_kind` and `news_by`: the first line that somebody else has added since."""
        first = _news().order_by("seq")
        return self.annotate(
            news_kind=Subquery(first.values("kind")[:1]), news_by=Subquery(first.values("actor_name")[:1])
        )


class Snooze(models.Model):
    """A question that is out of one person's way, until a moment or, without one, until something changes."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="snoozes")
    interrupt = models.ForeignKey(Interrupt, on_delete=models.CASCADE, related_name="snoozes")
    until = models.DateTimeField(null=True, blank=True)
    # The last line of the thread's record then.
    since_seq = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())

    objects = SnoozeQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "interrupt"], name="one_snooze_per_person")]

    def __str__(self) -> str:
        return f"{self.interrupt} for {self.person}"


class Watch(models.Model):
    """Somebody wants to know what becomes of a thread."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="watches")
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="watches")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "thread"], name="one_watch_per_person")]

    def __str__(self) -> str:
        return f"{self.thread} by {self.person}"


class Comment(models.Model):
    """What somebody said about a thread, for good. `told` are those who got a notice, as the author was told."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    thread = models.ForeignKey(Thread, on_delete=models.PROTECT, related_name="comments")
    author = record_key("+")
    author_name = models.CharField(max_length=LONGEST_NAME)
    text = models.TextField()
    told = ArrayField(models.CharField(max_length=LONGEST_NAME), default=list)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["thread", "-at"], name="comments_of_a_thread")]

    def __str__(self) -> str:
        return f"{self.author_name} on {self.thread}"


class Draft(models.Model):
    """What its one owner has typed into a decision form so far, as the form would send it, without secrets."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    interrupt = models.ForeignKey(Interrupt, on_delete=models.CASCADE, related_name="drafts")
    query = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "interrupt"], name="one_draft_per_person")]

    def __str__(self) -> str:
        return f"{self.interrupt} by {self.person}"


def _news() -> models.QuerySet[Event]:
    """Of the snooze of the outer query."""
    since = Event.objects.filter(thread_id=OuterRef("interrupt__thread_id"), seq__gt=OuterRef("since_seq"))
    return since.exclude(actor=OuterRef("person")).exclude(kind__in=QUIET)
