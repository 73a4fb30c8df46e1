"""Whatever people and workers do to a request, in whatever order: it has one head, people see exactly the questions
that are pending there, a worker is owed whenever something is to be done, and the record stays whole.

Five hundred steps each time the tests run; as many as you like, in another order each time, with

    ANY_ORDER_STEPS=10000 python -m pytest -q -s tests/test_any_order.py
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from approvals import decisions, execution, inspection, threads
from approvals.decisions import AlreadyDecided, Changed, LimitPassed, TooLate
from approvals.inspection import BadAnswer, BadEdit, Edit, HeadMoved
from approvals.models import (
    Decision,
    Event,
    Interrupt,
    InterruptStatus,
    Outbox,
    Policy,
    QuestionKind,
    Run,
    Thread,
    ThreadStatus,
    Verdict,
)
from approvals.models.event import GENESIS
from approvals.opened import checkpointer
from approvals.policies import NotAllowed
from approvals.threads import Discards, NotNow
from chains.heads import HeadStatus
from tests.conftest import REQUEST, Cast, work_off
from tests.faults.checking import head_of
from tests.test_main_job import ballot

STEPS = int(os.environ.get("ANY_ORDER_STEPS", "500"))
LENGTH = 25
# What may be said to somebody who comes too late, asks for too much, or asks for nothing.
SAID = (
    *(AlreadyDecided, BadAnswer, BadEdit, Changed, Discards),
    *(HeadMoved, LimitPassed, NotAllowed, NotNow, TooLate),
)
CHAINS = (
    "prompt_chain",
    "editable",
    "parallel",
    "in_subgraph",
    "in_subgraphs",
    "picky",
    "shaky_after_asking",
    "stopping",
)
RESTING = (ThreadStatus.PAUSED, ThreadStatus.FAILED, ThreadStatus.DONE)
places = st.integers(min_value=0, max_value=9)
# Mostly somebody who may; the others are to be refused.
deciders = st.sampled_from(["alice", "alice", "bob", "rita", "oscar"])
menders = st.sampled_from(["oscar", "oscar", "alice", "rita"])


class Orders(RuleBasedStateMachine):
    taken: Counter[str] = Counter()

    def __init__(self, cast: Cast, folder: Path) -> None:
        super().__init__()
        self.cast, self.folder = cast, folder
        (folder / "weather").write_text("good")
        (folder / "effects").touch()

    @initialize(chain=st.sampled_from(CHAINS))
    def begin(self, chain: str) -> None:
        self.chain, self.is_quick = chain, True
        first: dict[str, dict[str, Any]] = {
            "prompt_chain": {"request": REQUEST},
            "editable": {"amount": 900},
            "shaky_after_asking": {"weather": str(self.folder / "weather")},
            "stopping": {"effects": str(self.folder / "effects"), "amount": 40},
        }
        self.thread = threads.submit(self.cast.rita, chain, first.get(chain, {}))
        self.all_work_is_done()

    @rule(times=st.integers(min_value=1, max_value=2))
    def a_worker_looks(self, times: int) -> None:
        """Perhaps at a doorbell that rang twice, or at one for a run that is over."""
        runs = list(Run.objects.filter(thread=self.thread).order_by("-created_at").values_list("id", flat=True)[:3])
        for _ in range(times):
            for run_id in runs:
                execution.look(run_id)
        self.count("look")

    @rule(is_quick=st.booleans())
    def workers_are_quick_or_slow(self, is_quick: bool) -> None:
        """Quick ones have done everything before anybody does the next thing."""
        self.is_quick = is_quick

    @precondition(lambda self: self.thread.status == ThreadStatus.QUEUED)
    @rule()
    def all_work_is_done(self) -> None:
        for _ in range(5):
            Run.objects.live().filter(thread=self.thread).update(not_before="2020-01-01T00:00Z")
            work_off(self.thread)

    @precondition(lambda self: self.thread.status == ThreadStatus.QUEUED)
    @rule()
    def time_passes(self) -> None:
        Run.objects.live().filter(thread=self.thread).update(not_before="2020-01-01T00:00Z")
        self.count("time passes")

    @rule(is_good=st.booleans())
    def the_weather_changes(self, is_good: bool) -> None:
        (self.folder / "weather").write_text("good" if is_good else "bad")

    @precondition(lambda self: Interrupt.objects.pending().filter(thread=self.thread).exists())
    @rule(person=deciders, place=places, verdict=st.sampled_from([Verdict.APPROVE, Verdict.REJECT, Verdict.RESPOND]))
    def decide(self, person: str, place: int, verdict: Verdict) -> None:
        rows = Interrupt.objects.filter(thread=self.thread).order_by("-created_at")
        question = one_of([*rows.open(), *rows.exclude(status=InterruptStatus.OPEN)], place // 4)
        if question is not None:
            said = ballot(question, verdict, note="7" if self.chain == "picky" else "Because.")
            self.attempt("decide", lambda: decisions.decide(self.person(person), question.id, said))

    @precondition(lambda self: Interrupt.objects.filter(thread=self.thread, status=InterruptStatus.DECIDED).exists())
    @rule(place=places)
    def undo(self, place: int) -> None:
        decided = one_of(list(Decision.objects.filter(interrupt__thread=self.thread).order_by("-decided_at")), place)
        if decided is not None and decided.decided_by is not None:
            person = decided.decided_by
            self.attempt("undo", lambda: decisions.undo(person, decided.interrupt_id))

    @precondition(lambda self: self.thread.status in threads.EDITABLE)
    @rule(person=menders, place=places, way=places, may_pass=st.booleans())
    def edit(self, person: str, place: int, way: int, may_pass: bool) -> None:
        edit, seen = self.some_edit("", place, way, may_pass)
        if edit is not None:
            options: dict[str, Any] = {
                "as_node": edit.as_node,
                "may_pass": may_pass,
                "seen_checkpoint_id": seen,
                "reason": "Edit.",
            }
            self.attempt(
                "edit", lambda: threads.edit_state(self.person(person), self.thread.id, dict(edit.values), **options)
            )

    @precondition(lambda self: Interrupt.objects.open().filter(thread=self.thread).count() > 1)
    @rule(place=places, way=places)
    def decide_one_of_several_and_edit(self, place: int, way: int) -> None:
        """Chance seldom does both: the decision waits for the others, and is not handed over."""
        self.decide("alice", 0, Verdict.APPROVE)
        self.edit("oscar", place, way, may_pass=True)

    @precondition(lambda self: self.thread.status in threads.REPLAYABLE)
    @rule(person=menders, place=places, way=places, may_pass=st.booleans(), edits=st.booleans())
    def replay(self, person: str, place: int, way: int, may_pass: bool, edits: bool) -> None:
        step = one_of(inspection.steps_of(self.thread), place)
        if step is not None:
            name = step.checkpoint_id
            edit = self.some_edit(name, place, way, may_pass)[0] if edits else None
            self.attempt(
                "replay", lambda: threads.replay(self.person(person), self.thread.id, name, reason="Back.", edit=edit)
            )

    @precondition(lambda self: self.thread.status in (ThreadStatus.PAUSED, ThreadStatus.FAILED))
    @rule(person=menders, asks_again=st.booleans())
    def carry_on(self, person: str, asks_again: bool) -> None:
        verb = threads.ask_again if asks_again else threads.carry_on
        self.attempt(verb.__name__, lambda: verb(self.person(person), self.thread.id))

    @precondition(lambda self: self.thread.status in (ThreadStatus.FAILED, ThreadStatus.QUEUED))
    @rule(person=menders)
    def retry_and_ring(self, person: str) -> None:
        threads.retry_all(self.person(person), [self.thread])
        run = Run.objects.live().filter(thread=self.thread).first()
        if run is not None:
            self.attempt("requeue", lambda: threads.requeue(self.person(person), run.id, reason="Ring."))

    @precondition(lambda self: self.chain == "prompt_chain")
    @rule(person=st.sampled_from(["rita", "rita", "oscar"]), discard=st.booleans())
    def message(self, person: str, discard: bool) -> None:
        more = {"request": "One more thing."}
        self.attempt(
            "message", lambda: threads.send_message(self.person(person), self.thread.id, more, discard=discard)
        )

    @rule(person=st.sampled_from(["rita", "oscar", "alice"]), place=places)
    def stop(self, person: str, place: int) -> None:
        """Seldom, since nothing can be done afterwards; then another request begins."""
        if place == 0:
            self.attempt("stop", lambda: threads.stop(self.person(person), self.thread.id, reason="Stop."))
        self.thread.refresh_from_db()
        if self.thread.status == ThreadStatus.CANCELLED:
            self.check()
            self.begin(self.chain)

    @invariant()
    def check(self) -> None:
        if hasattr(self, "thread"):
            self.count("checks")
            self.thread.refresh_from_db()
            assert list(complaints(self.thread)) == [], self.chain

    def person(self, name: str) -> User:
        found: User = getattr(self.cast, name)
        return found

    def some_edit(self, checkpoint_id: str, place: int, way: int, may_pass: bool) -> tuple[Edit | None, str]:
        form = inspection.state_form(self.thread, checkpoint_id=checkpoint_id)
        keys = sorted(form.values) if form else []
        key = one_of(keys, place)
        if form is None or key is None:
            return None, ""
        nodes = ["", "", *form.nodes]
        return Edit({key: other_than(form.values[key], way)}, nodes[way % len(nodes)], may_pass), form.checkpoint_id

    def attempt(self, name: str, act: Callable[[], object]) -> None:
        try:
            act()
        except SAID as refused:
            self.count(f"{name}: {type(refused).__name__}")
        else:
            self.count(name)
            if self.is_quick:
                self.check()
                self.all_work_is_done()

    def count(self, what: str) -> None:
        self.taken[what] += 1


def complaints(thread: Thread) -> Iterator[str]:
    live = list(Run.objects.live().filter(thread=thread))
    if len(live) > 1:
        yield f"{len(live)} runs are live"
    yield from _one_head(thread)
    yield from _record_is_whole(thread)
    if live:
        if not Outbox.objects.filter(key=str(live[0].id), settled_at__isnull=True).exists():
            yield "a run is owed that nobody will ring for"
        return
    if thread.status not in (*RESTING, ThreadStatus.CANCELLED):
        yield f"the thread is {thread.status}, and no worker is owed"
    yield from _shown_is_pending(thread)
    yield from _carried_out_reached_the_graph(thread)


def _one_head(thread: Thread) -> Iterator[str]:
    steps = inspection.steps_of(thread)
    heads = [step.checkpoint_id for step in steps if step.is_head]
    if steps and heads != [head_of(thread).checkpoint_id]:
        yield f"heads are {heads}"


def _shown_is_pending(thread: Thread) -> Iterator[str]:
    head = head_of(thread)
    shown = Counter(row.key for row in Interrupt.objects.pending().filter(thread=thread))
    pending = Counter(asked.key for asked in head.pending)
    if thread.status == ThreadStatus.CANCELLED:
        pending = Counter()
    if shown != pending:
        yield f"people see {sorted(shown)}, pending is {sorted(pending)}"
    if (thread.status == ThreadStatus.DONE) != (head.status is HeadStatus.FINISHED) and thread.status in RESTING:
        yield f"the thread is {thread.status}, its head {head.status}"
    is_open = Interrupt.objects.filter(thread=thread, status=InterruptStatus.OPEN).exists()
    if is_open and thread.status != ThreadStatus.PAUSED:
        yield f"a question is open, and the thread is {thread.status}"


def _carried_out_reached_the_graph(thread: Thread) -> Iterator[str]:
    """LangGraph keeps the answers a node was given beside what it asked. A breakpoint takes none."""
    asked = Interrupt.objects.filter(thread=thread, status=InterruptStatus.APPLIED).exclude(kind=QuestionKind.PAUSE)
    given = _given(thread) if asked else {}
    for question in asked:
        if question.decision.answer not in given.get(question.interrupt_id, []):
            yield f"the decision in {question.node} is marked as carried out, and the graph never had it"


def _given(thread: Thread) -> dict[str, list[Any]]:
    """By question."""
    given: dict[str, list[Any]] = {}
    with checkpointer().hold(str(thread.id)) as held:
        for found in held.saver.list({"configurable": {"thread_id": str(thread.id)}}):
            writes = found.pending_writes or []
            for task, asked in [(task, value) for task, channel, value in writes if channel == "__interrupt__"]:
                answers = [value for at, channel, value in writes if (at, channel) == (task, "__resume__")]
                for question in asked:
                    given.setdefault(question.id, []).extend(chain.from_iterable(answers))
    return given


def _record_is_whole(thread: Thread) -> Iterator[str]:
    previous = GENESIS
    for place, event in enumerate(Event.objects.filter(thread_id=thread.id).order_by("seq"), start=1):
        if (event.seq, event.previous_mac, event.mac) != (place, previous, event.computed_mac()):
            yield f"line {event.seq} of the record does not verify"
        previous = event.mac


def one_of(found: list[Any], place: int) -> Any:
    """The newest most often."""
    return found[min(place, len(found) - 1)] if found else None


def other_than(value: Any, way: int) -> Any:
    if isinstance(value, bool | None):
        return value
    if isinstance(value, int):
        return (5, 900, 950)[way % 3]
    if isinstance(value, float):
        return value + 1
    if isinstance(value, str):
        return value if "/" in value else f"{value}."
    if isinstance(value, list):
        return value[:-1] if way % 2 and value else [*value, *value[-1:]]
    return {key: other_than(part, way) for key, part in value.items()}


@pytest.mark.timeout(180 + STEPS)
def test_any_order_leaves_one_head_and_the_questions_pending_there(cast: Cast, tmp_path: Path) -> None:
    Policy.objects.update(undo_seconds=5)
    Orders.taken.clear()
    run_state_machine_as_test(
        lambda: Orders(cast, tmp_path),  # type: ignore[arg-type]  # a factory will do
        settings=settings(
            max_examples=max(STEPS // LENGTH, 1),
            stateful_step_count=LENGTH,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # made smaller, a failure in a database that remembers would be another one
            derandomize=STEPS == 500,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(sorted(Orders.taken.items())))
    assert Orders.taken["checks"] >= STEPS / 2
    assert {"look", "decide", "edit", "replay"} <= Orders.taken.keys()


@pytest.mark.parametrize("chain", ["parallel", "in_subgraphs"])
def test_what_waits_for_others_while_the_state_is_edited(cast: Cast, tmp_path: Path, chain: str) -> None:
    """Chance does not come upon it in the few orders of every day."""
    orders = Orders(cast, tmp_path)
    orders.begin(chain)
    orders.decide_one_of_several_and_edit(0, 0)

    orders.check()

    assert Decision.objects.get(interrupt__thread=orders.thread).voided_at is not None
