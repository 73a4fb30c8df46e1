"""One thread of a graph with static breakpoints, on the real saver."""

import multiprocessing
import signal
import uuid
from pathlib import Path
from typing import Any

from approvals.opened import checkpointer, own_dsn
from chains.heads import Head, Pending, read_head
from chains.registry import Graph
from chains.runner import Outcome, Work, advance
from tests.graphs.dying import registry, run_and_die


class Desk:
    """One thread of one of the graphs on the real saver; each call is a run of its own."""

    def __init__(self, name: str, tmp_path: Path) -> None:
        self.name, self.thread_id, self.effects = name, str(uuid.uuid4()), tmp_path / "effects"
        self.effects.touch()

    def run(self, *answered: Pending, say: Any = True, **work: Any) -> Outcome:
        with self.graph() as graph:
            return advance(graph, self.thread_id, self.work(answered, say, work))

    def work(self, answered: tuple[Pending, ...] = (), say: Any = True, more: dict[str, Any] | None = None) -> Work:
        first = {"effects": str(self.effects), "amount": 40, "log": []}
        given = {"first": first, "answers": {pending.key: say for pending in answered}, **(more or {})}
        return Work(run_id=str(uuid.uuid4()), **given)

    def head(self) -> Head:
        with self.graph() as graph:
            return read_head(graph, self.thread_id)

    @property
    def lines(self) -> list[str]:
        return self.effects.read_text().splitlines()

    def graph(self) -> Any:
        return held(self.name, self.thread_id)

    def killed(self, *answered: Pending, dies: str = "", dies_after_step: int | None = None) -> None:
        """The same run in a process that is killed on the way."""
        work = self.work(answered)
        if work.first is not None:
            work = Work(work.run_id, {**work.first, "dies": dies}, answers=work.answers)
        spawn = multiprocessing.get_context("spawn")
        child = spawn.Process(target=run_and_die, args=(own_dsn(), self.name, self.thread_id, work, dies_after_step))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL


class held:
    """A graph on the saver of the connection that holds its thread."""

    def __init__(self, name: str, thread_id: str) -> None:
        self.name, self.holding = name, checkpointer().hold(thread_id)

    def __enter__(self) -> Graph:
        return registry().compile(self.name, self.holding.__enter__().saver)

    def __exit__(self, *error: Any) -> None:
        self.holding.__exit__(*error)
