"""What a worker takes for itself before it starts, where its checkpoints are for one process alone."""

from django.conf import settings

from approvals.execution.checks import NotFit
from approvals.opened import checkpointer, is_together
from chains.checkpointers import AnotherWorker, MemoryCheckpointer, SqliteCheckpointer

FORKS = "Checkpoints in {kind} are for one worker process. Start it with --pool=threads, or use PostgreSQL."
APART = (
    "memory:// keeps checkpoints in one process, which runs workers and pages alike. "
    "Start that with python3 run.py, or set HOLDPOINT_CHECKPOINTS to sqlite:///var/checkpoints.sqlite3."
)


def refuse_apart() -> None:
    """Pages that are a process of their own would show nothing of what a worker keeps in memory. Raises SystemExit."""
    if settings.HOLDPOINT_CHECKPOINTS == "memory://" and not is_together():
        raise SystemExit(f"These pages do not start. {APART}")


def take_checkpoints(*, forks: bool) -> None:
    """`forks`: the worker runs its tasks in processes of their own. Raises NotFit."""
    found = checkpointer()
    if not isinstance(found, MemoryCheckpointer | SqliteCheckpointer):
        return
    if forks:
        raise NotFit(FORKS.format(kind=found.label))
    if isinstance(found, MemoryCheckpointer) and not is_together():
        raise NotFit(APART)
    if isinstance(found, SqliteCheckpointer):
        try:
            found.claim()
        except AnotherWorker as error:
            raise NotFit(str(error)) from error
        except OSError as error:
            raise NotFit(f"The lock beside the SQLite file cannot be taken: {error.strerror}.") from error
