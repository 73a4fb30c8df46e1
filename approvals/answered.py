"""What was answered on the way to a checkpoint, and which change of its values would run without being asked about."""

from collections.abc import Collection

from django.db.models.query import QuerySet

from approvals import inspection
from approvals.inspection import Edit, PassesBy, Step
from approvals.models import Decision, Interrupt, Thread

PAGE = 200
CHANGED = ("update", "fork")


def answered_before(thread: Thread, checkpoint_id: str) -> QuerySet[Decision]:
    """Questions on the way to this step: their answers are in its state, and nobody is asked again."""
    return _answered(thread, checkpoint_id, _saved(thread, checkpoint_id))


def unasked(thread: Thread, checkpoint_id: str, next: Collection[str], edit: Edit | None) -> tuple[str, ...]:
    """The nodes that would run first with what this edit changes, when a question before them was answered about other
    values, and they are not what asks. Raises PassesBy unless the edit says that it is meant.
    """
    if edit is None:
        return ()
    saved = _saved(thread, checkpoint_id)
    silent = tuple(sorted({*next} - _asking(thread, checkpoint_id, saved)))
    if not silent or not _answered(thread, checkpoint_id, saved).exists():
        return ()
    if not edit.may_pass:
        raise PassesBy(
            f"This edit would run {', '.join(silent)} with values that nobody was asked about. "
            "Confirm that this is meant, or go back to before the question."
        )
    return silent


def _answered(thread: Thread, checkpoint_id: str, saved: dict[str, Step]) -> QuerySet[Decision]:
    on_the_way: set[str] = set()
    step = saved.get(checkpoint_id)
    while step is not None and step.parent_id and step.parent_id not in on_the_way:
        on_the_way.add(step.parent_id)
        step = saved.get(step.parent_id)
    decided = _applied(thread)
    # Where a question's own step is not saved any more, its answer may have been on the way.
    gone = _places(thread) - saved.keys()
    found = decided if checkpoint_id not in saved else decided.filter(interrupt__checkpoint_id__in=on_the_way | gone)
    return found.select_related("interrupt").order_by("decided_at")


def _applied(thread: Thread) -> QuerySet[Decision]:
    return Decision.objects.filter(interrupt__thread=thread, applied_at__isnull=False, voided_at__isnull=True)


def _places(thread: Thread) -> set[str]:
    """The checkpoints at which the questions were asked that were answered."""
    return set(_applied(thread).values_list("interrupt__checkpoint_id", flat=True))


def _asking(thread: Thread, checkpoint_id: str, saved: dict[str, Step]) -> set[str]:
    """The outermost nodes that asked at this checkpoint, or at the one that it changes."""
    asked = Interrupt.objects.filter(thread=thread, checkpoint_id__in=_changed(checkpoint_id, saved))
    return {namespace.partition(":")[0] or node for namespace, node in asked.values_list("namespace", "node")}


def _changed(checkpoint_id: str, saved: dict[str, Step]) -> list[str]:
    """This checkpoint, the one it is an edit of, and so on."""
    found = [checkpoint_id]
    while (step := saved.get(found[-1])) and step.source in CHANGED and step.origin_id not in (None, *found):
        found.append(str(step.origin_id))
    return found


def _saved(thread: Thread, checkpoint_id: str) -> dict[str, Step]:
    """The newest steps, back to the oldest that matters: this one, those it changes, and where anything was answered.
    What came before a step is older than it is. A question that was overlooked would be one that nobody is asked again.
    """
    found: dict[str, Step] = {}
    places, before = _places(thread), None
    while not found.keys() >= {*places, *_changed(checkpoint_id, found)}:
        steps = inspection.steps_of(thread, before=before, limit=PAGE)
        if not steps:
            break
        found |= {step.checkpoint_id: step for step in steps}
        before = steps[-1].cursor
    return found
