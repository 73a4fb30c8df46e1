"""Two web processes and two workers behind the proxy, as docker-compose.yml starts them, on the tests' database."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from approvals.embedded.processes import Child, free_port, kill, port_answers, spawn, stop, tail, wait_until
from tests.proxy import Proxy
from tests.stack import ROOT, of_tests

WEBS, WORKERS = ("web-a", "web-b"), ("worker-a", "worker-b")
AS_DEPLOYED = {
    "HOLDPOINT_LOCAL": "0",
    "HOLDPOINT_HOSTS": "localhost",
    "HOLDPOINT_BEHIND_PROXY": "1",
    "HOLDPOINT_SSL_REDIRECT": "0",
}
QUICK = {"HOLDPOINT_LEASE_SECONDS": "2", "HOLDPOINT_SWEEP_SECONDS": "0.3"}


class Fleet:
    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._ports = {name: free_port() for name in WEBS}
        self._children: dict[str, Child] = {}
        self.proxy = Proxy(logs, (self._ports["web-a"], self._ports["web-b"]))

    @property
    def url(self) -> str:
        return self.proxy.url

    def start(self, *names: str, directory: Path = ROOT, **environment: str) -> None:
        """Returns when all of them answer."""
        begun = [self._begin(name, directory, environment) for name in names]
        for child in begun:
            wait_until(self._is_up(child), child=child)

    def kill(self, name: str) -> None:
        """As kill -9 does, with all that it has started."""
        kill(self._children[name])

    def stop(self, name: str) -> bool:
        """As a deployment does, with SIGTERM; False when it took too long."""
        return stop(self._children[name])

    def stop_all(self) -> None:
        self.proxy.stop()
        print(f"--- proxy\n{self.proxy.log()[-4000:]}")
        for child in self._children.values():
            stop(child)
            if child.log is not None:
                print(f"--- {child.name}\n{tail(child.log)}")

    def number_of(self, name: str) -> int:
        """Its process."""
        return self._children[name].process.pid

    def log(self, name: str) -> str:
        return (self._logs / f"{name}.log").read_text(errors="replace")

    def _begin(self, name: str, directory: Path, environment: dict[str, str]) -> Child:
        (self._logs / f"{name}.log").unlink(missing_ok=True)
        self._children[name] = spawn(
            name,
            [sys.executable, "-m", *self._command(name)],
            log=self._logs / f"{name}.log",
            patience=25,
            environment={**of_tests(), **AS_DEPLOYED, **QUICK, **environment},
            directory=directory,
        )
        return self._children[name]

    def _command(self, name: str) -> list[str]:
        if name in WEBS:
            address = ["--host=127.0.0.1", f"--port={self._ports[name]}", "--no-proxy-headers", "--ws-max-size=65536"]
            return ["uvicorn", "approvals.asgi:application", *address, "--timeout-graceful-shutdown=20"]
        quick = ["--without-gossip", "--without-mingle", "--loglevel=INFO", f"--hostname={name}@%h"]
        return ["celery", "--quiet", "--app=approvals", "worker", "--pool=threads", "--concurrency=4", *quick]

    def _is_up(self, child: Child) -> Callable[[], bool]:
        if child.name in WEBS:
            return lambda: port_answers(self._ports[child.name])
        return lambda: " ready." in self.log(child.name)


@contextmanager
def fleet_in(logs: Path) -> Iterator[Fleet]:
    """Nothing of it runs yet."""
    fleet = Fleet(logs)
    try:
        yield fleet
    finally:
        fleet.stop_all()
