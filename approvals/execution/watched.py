"""What operators see of a run: how far it came on its lines, what its saver did in figures, its nodes in a trace."""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from approvals.models import Run
from approvals.opened import checkpointer
from approvals.watch import counters, tracing
from approvals.watch.logs import Place
from chains.checkpointers import Held, ThreadBusy
from chains.checkpointers.counted import counted
from chains.progress import Ending, NodeEnded, NodeStarted, Sign


class SaverTold:
    """Of a saver's work, into figures and onto the lines of the run at hand."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def done(self, operation: str, *, size: int, seconds: float) -> None:
        counters.checkpoint_seconds.labels(operation).observe(seconds)
        counters.checkpoint_bytes.labels(operation).inc(size)

    def failed(self, operation: str) -> None:
        counters.checkpoint_errors.labels(operation).inc()

    def reached(self, checkpoint_id: str, step: int | None) -> None:
        self._place.checkpoint_id, self._place.step = checkpoint_id, step


@contextlib.contextmanager
def holding(run: Run, place: Place) -> Iterator[Held]:
    """The thread of the run, held, with a saver that counts. Raises ThreadBusy."""
    begun = time.perf_counter()
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(checkpointer().hold(str(run.thread_id)))
        except ThreadBusy:
            counters.lock_refused.inc()
            raise
        counters.lock_seconds.observe(time.perf_counter() - begun)
        counted(held.saver, SaverTold(place))
        yield held


@contextlib.contextmanager
def timed(run: Run) -> Iterator[None]:
    """A run that was claimed: its span and how long it took."""
    begun, chain = time.perf_counter(), counters.chains.of(run.thread.chain)
    try:
        with _span(run):
            yield
    finally:
        counters.run_seconds.labels(chain, run.kind).observe(time.perf_counter() - begun)


@contextlib.contextmanager
def showing(tell: Callable[[Sign], None]) -> Iterator[Callable[[Sign], None]]:
    """`tell`, with a span for each node beside it."""
    spans = tracing.NodeSpans()

    def both(sign: Sign) -> None:
        match sign:
            case NodeStarted():
                spans.began(sign.task_id, " › ".join(sign.path))
            case NodeEnded():
                spans.ended(sign.task_id, ending=sign.ending.value, failed=sign.ending is Ending.FAILED)
        tell(sign)

    try:
        yield both
    finally:
        spans.close()


def _span(run: Run) -> AbstractContextManager[object]:
    facts: dict[str, str | int] = {
        "holdpoint.thread_id": str(run.thread_id),
        "holdpoint.run_id": str(run.id),
        "holdpoint.chain": run.thread.chain,
        "holdpoint.attempt": run.attempt,
    }
    return tracing.span(f"run {run.kind}", parent=run.traceparent, facts=facts)
