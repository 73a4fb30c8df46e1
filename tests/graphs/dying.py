"""A run in a process of its own that is killed on the way. Imports no Django: the process is started afresh."""

import os
import signal
from typing import Any

from langgraph.checkpoint.postgres import PostgresSaver

from chains.checkpointers import PostgresCheckpointer
from chains.registry import Registry
from chains.runner import Work, advance

STOPPING = ("before", "after", "everywhere", "side_by_side")


def registry() -> Registry:
    return Registry({name: f"tests.graphs.stopping:{name}" for name in STOPPING}, {})


def run_and_die(dsn: str, name: str, thread_id: str, work: Work, dies_after_step: int | None) -> None:
    """A node may kill this process; otherwise it dies as soon as the checkpoint of that step is stored."""

    class Dying(PostgresSaver):
        def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
            stored = super().put(config, checkpoint, metadata, new_versions)
            if metadata.get("step") == dies_after_step:
                os.kill(os.getpid(), signal.SIGKILL)
            return stored

    with PostgresCheckpointer(dsn).hold(thread_id) as holding:
        saver = Dying(holding.saver.conn)  # type: ignore[attr-defined]
        advance(registry().compile(name, saver), thread_id, work)
