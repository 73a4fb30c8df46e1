"""Child processes that end when their parent ends, however it ends."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from approvals.embedded import CannotRun

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOG_TAIL_BYTES = 2000


class DidNotStart(CannotRun):
    """A process ended, or gave no answer, before it was ready."""


@dataclass(frozen=True)
class Account:
    """A user that a child runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path | None  # None: it writes to the terminal
    stop_signal: signal.Signals
    patience: float  # seconds it may take to stop

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def last_words(self) -> str:
        if self.log is None:
            return "What it said is above."
        return f"Its log, {self.log}, ends:\n{tail(self.log)}"


@dataclass(frozen=True)
class Server:
    """A child that others reach by its URL."""

    child: Child
    url: str


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    orphan_signal: signal.Signals = signal.SIGKILL,
    patience: float = 15,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Child:
    """Start a child in a session of its own, so that Ctrl-C reaches only the parent, who stops all in order.

    Linux sends `orphan_signal` to the child when the *thread* that called this dies: call it from the main thread.
    """
    output = None if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=environment,
            cwd=directory,
            start_new_session=True,
            preexec_fn=binding(orphan_signal),
            **_identity(account),
        )
    finally:
        if output is not None:
            os.close(output)
    return Child(name, process, log, stop_signal, patience)


def run_as(
    account: Account | None, command: Sequence[str | Path], *, directory: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it says, on either stream, is in `stdout`."""
    return subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=directory,
        **_identity(account),
    )


def _identity(account: Account | None) -> dict[str, Any]:
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def wait_until(ready: Callable[[], bool], *, child: Child, patience: float = 60) -> None:
    """Raises DidNotStart when the child ends first, or `patience` seconds pass."""
    deadline = time.monotonic() + patience
    while not ready():
        if not child.is_running:
            raise DidNotStart(f"{child.name} stopped with exit code {child.process.returncode}. {child.last_words()}")
        if time.monotonic() > deadline:
            raise DidNotStart(f"{child.name} gave no answer within {patience:.0f} seconds. {child.last_words()}")
        time.sleep(0.02)


def stop(child: Child) -> bool:
    """Ask a child to stop and wait for it; False when it had to be killed."""
    in_time = True
    if child.is_running:
        child.process.send_signal(child.stop_signal)
        try:
            child.process.wait(child.patience)
        except subprocess.TimeoutExpired:
            in_time = False
    kill(child)
    return in_time


def kill(child: Child) -> None:
    """End a child at once, and whatever it started in its session (a prefork worker's pool)."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()


def binding(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child runs between fork and exec to die with us; None where the system cannot do it (macOS)."""
    if LIBC is None:
        return None
    prctl, parent = LIBC.prctl, os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return bind


@contextmanager
def stopped_at_end() -> Iterator[list[Child]]:
    """Children put into the list are stopped at the end, the last one first; nothing can interrupt that."""
    children: list[Child] = []
    try:
        yield children
    finally:
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        for child in reversed(children):
            if not stop(child):
                say(f"{child.name} did not stop within {child.patience:.0f} seconds and was killed.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def tail(log: Path) -> str:
    return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")


def say(sentence: str) -> None:
    """Tell the person at the terminal; on standard error, since a command's own output may be piped on."""
    with suppress(OSError):  # the terminal may be gone, and what we were doing matters more
        print(sentence, file=sys.stderr, flush=True)
