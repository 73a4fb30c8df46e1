"""The proxy in front of the web processes: a real HAProxy, with the very files that are deployed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from approvals.embedded.processes import Child, free_port, kill, port_answers, spawn, stop, wait_until

FILES = Path(__file__).resolve().parent.parent / "docs" / "deploying"
MISSING = "HAProxy is not installed: apt-get install haproxy, or set HAPROXY to its program"


def find_proxy() -> Path | None:
    """The HAPROXY variable, then what the system has, also where only root's PATH leads."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(os.environ.get("HAPROXY") or "haproxy", path=path)
    return Path(found) if found else None


needs_proxy = pytest.mark.skipif(not find_proxy(), reason=MISSING)


class Proxy:
    """In front of two ports of this machine. Settings are environment variables, as in docker-compose.yml."""

    def __init__(self, logs: Path, webs: tuple[int, int], *files: str, **settings: str) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self._log = logs / "proxy.log"
        self._files = ("haproxy.cfg", *files)
        self._child: Child | None = None
        self._environment = {
            "HOLDPOINT_HOSTS": "localhost",
            "HOLDPOINT_LISTEN": f"127.0.0.1:{self.port}",
            "HOLDPOINT_LISTEN_TLS": f"127.0.0.1:{self.tls_port}",
            "HOLDPOINT_WEB_A": f"127.0.0.1:{webs[0]}",
            "HOLDPOINT_WEB_B": f"127.0.0.1:{webs[1]}",
            **settings,
        }

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        files = [part for name in self._files for part in ("-f", FILES / name)]
        command = [find_proxy() or "haproxy", "-db", *files]
        self._child = spawn("proxy", command, log=self._log, patience=5, environment=self._environment)
        wait_until(lambda: port_answers(self.port), child=self._child)

    def kill(self) -> None:
        if self._child is not None:
            kill(self._child)

    def stop(self) -> None:
        if self._child is not None:
            stop(self._child)

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def check(self) -> str:
        """What HAProxy finds wrong with its files."""
        files = [part for name in self._files for part in ("-f", str(FILES / name))]
        command = [str(find_proxy()), "-c", *files]
        said = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        return said.stderr if said.returncode else ""


@contextmanager
def proxy_before(logs: Path, webs: tuple[int, int], *files: str, **settings: str) -> Iterator[Proxy]:
    proxy = Proxy(logs, webs, *files, **settings)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.stop()
