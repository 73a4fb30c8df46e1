"""What this process has done, for Prometheus. No label names a thread, a run or a person: their values are few."""

import threading
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

# Of one label, in one process. What comes after these is counted together.
MOST_VALUES: Final = 50
OTHER: Final = "other"
QUICK = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
LONG = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000)

runs_ended = Counter(
    "holdpoint_runs_ended", "Runs that this worker brought to an end", ["chain", "kind", "state"], registry=REGISTRY
)
run_seconds = Histogram(
    "holdpoint_run_seconds", "How long this worker had a run", ["chain", "kind"], buckets=LONG, registry=REGISTRY
)
tokens = Counter(
    "holdpoint_tokens", "Tokens as models reported them", ["chain", "model", "direction"], registry=REGISTRY
)
cost = Counter("holdpoint_cost_dollars", "Their price, where it is known", ["chain", "model"], registry=REGISTRY)

checkpoint_seconds = Histogram(
    "holdpoint_checkpoint_seconds", "Calls of the saver", ["operation"], buckets=QUICK, registry=REGISTRY
)
checkpoint_bytes = Counter(
    "holdpoint_checkpoint_bytes", "Bytes that the saver was given to write", ["operation"], registry=REGISTRY
)
checkpoint_errors = Counter(
    "holdpoint_checkpoint_errors", "Calls of the saver that failed", ["operation"], registry=REGISTRY
)
lock_seconds = Histogram(
    "holdpoint_lock_seconds", "How long it took to get a thread's lock", buckets=QUICK, registry=REGISTRY
)
lock_refused = Counter("holdpoint_lock_refused", "Threads that another worker held", registry=REGISTRY)
leases_lost = Counter("holdpoint_leases_lost", "Runs taken from this worker while it had them", registry=REGISTRY)

sweep_seconds = Histogram("holdpoint_sweep_seconds", "Parts of a sweep", ["part"], buckets=QUICK, registry=REGISTRY)
sweep_errors = Counter("holdpoint_sweep_errors", "Parts of a sweep that failed", ["part"], registry=REGISTRY)
doorbells_lost = Counter("holdpoint_doorbells_lost", "Doorbells that Redis did not take", registry=REGISTRY)

http_requests = Counter("holdpoint_http_requests", "Answers over HTTP", ["method", "view", "status"], registry=REGISTRY)
http_seconds = Histogram("holdpoint_http_seconds", "Until the answer", ["view"], buckets=QUICK, registry=REGISTRY)
sockets = Gauge("holdpoint_sockets", "Open sockets", ["kind"], registry=REGISTRY, multiprocess_mode="livesum")
decisions_refused = Counter(
    "holdpoint_decisions_refused", "Attempts to decide that were refused", ["code"], registry=REGISTRY
)
CHANGES, PROGRESS = "changes", "progress"
# So that an alert has something to look at before the first error.
for _operation in ("checkpoint", "writes", "read"):
    checkpoint_errors.labels(_operation)


class Few:
    """Values of one label: the first few as they are, any others as one."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._adding = threading.Lock()

    def of(self, value: str) -> str:
        value = value[:100]
        with self._adding:
            if len(self._seen) < MOST_VALUES:
                self._seen.add(value)
            return value if value in self._seen else OTHER


chains = Few()
models = Few()


def count_socket(kind: str) -> bool:
    """Whether it is open, for the socket to keep: it is taken off once, and only if it was counted."""
    sockets.labels(kind).inc()
    return True


def uncount_socket(kind: str) -> bool:
    sockets.labels(kind).dec()
    return False
