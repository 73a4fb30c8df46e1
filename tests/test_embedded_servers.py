"""The two servers of our own: what they hold outlives their ends, and they get out of each other's way."""

import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
import redis

from approvals.embedded import postgres, valkey
from approvals.embedded.processes import DidNotStart, Server, stop

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")


@pytest.fixture
def var() -> Iterator[Path]:
    """Not in pytest's own directory, which only its owner may enter."""
    with tempfile.TemporaryDirectory(prefix="holdpoint-servers-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


@pytest.fixture
def start_postgres(var: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(directory: Path = var, *, elsewhere: Path = var / "elsewhere") -> Server:
        servers.append(postgres.start(directory, options=["-c", "fsync=off"], sync=False, elsewhere=elsewhere))
        postgres.wait_until_ready(servers[-1])
        return servers[-1]

    yield start
    for server in servers:
        stop(server.child)


@pytest.fixture
def start_redis(var: Path) -> Iterator[Callable[[], Server]]:
    servers: list[Server] = []

    def start() -> Server:
        servers.append(valkey.start(var))
        valkey.wait_until_ready(servers[-1])
        return servers[-1]

    yield start
    for server in servers:
        stop(server.child)


def ask(server: Server, question: str) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def test_letters_beyond_ascii_have_cases(start_postgres: Callable[..., Server]) -> None:
    assert ask(start_postgres(), "SELECT upper('äß')") == "Äß"


def test_a_postgres_that_outlived_its_launcher_is_stopped_and_its_data_kept(
    start_postgres: Callable[..., Server],
) -> None:
    outlived = start_postgres()
    with psycopg.connect(outlived.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    assert ask(start_postgres(), "SELECT number FROM kept") == 7
    assert outlived.child.process.wait(timeout=5) == 0


def test_a_pid_file_that_names_another_program_stops_neither_that_program_nor_us(
    start_postgres: Callable[..., Server],
) -> None:
    server = start_postgres()
    data = Path(str(ask(server, "SELECT current_setting('data_directory')")))
    stop(server.child)
    with subprocess.Popen(["sleep", "60"], user=data.stat().st_uid) as bystander:
        (data / "postmaster.pid").write_text(f"{bystander.pid}\n{data}\n")
        (data / "postmaster.pid").chmod(0o600)
        os.chown(data / "postmaster.pid", data.stat().st_uid, data.stat().st_gid)

        assert ask(start_postgres(), "SELECT 1") == 1
        assert bystander.poll() is None
        bystander.kill()


def test_a_cluster_whose_creation_was_cut_short_is_made_anew(
    var: Path, start_postgres: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = var / "bin"
    programs.mkdir()
    (programs / "postgres").symlink_to(postgres.find_binaries() / "postgres")
    (programs / "initdb").write_text('#!/bin/sh\necho 18 > "$2/PG_VERSION"\nkill -9 $$\n')
    (programs / "initdb").chmod(0o755)
    monkeypatch.setenv("PG_BIN", str(programs))
    with pytest.raises(DidNotStart, match="could not create its files"):
        start_postgres()
    monkeypatch.delenv("PG_BIN")

    assert ask(start_postgres(), "SELECT 1") == 1


def test_passwords_and_data_are_for_nobody_else(
    var: Path, start_postgres: Callable[..., Server], start_redis: Callable[[], Server]
) -> None:
    start_postgres()
    start_redis()

    private = [*var.glob("*/data"), *var.glob("*/password"), *var.glob("*/server.conf"), *var.glob("*.log")]
    assert len(private) == 5
    assert [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_wrong_password_opens_neither(
    start_postgres: Callable[..., Server], start_redis: Callable[[], Server]
) -> None:
    database, broker = start_postgres().url, start_redis().url

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(database, password="guessed")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(broker.replace("@", "-and-more@")).ping()


@root_only
def test_what_only_root_can_reach_is_kept_elsewhere_and_found_again(
    var: Path, start_postgres: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    private = var / "private"
    private.mkdir(mode=0o700)
    elsewhere = var / "elsewhere"
    server = start_postgres(private, elsewhere=elsewhere)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    stop(server.child)

    assert ask(start_postgres(private, elsewhere=elsewhere), "SELECT number FROM kept") == 7
    assert next(private.glob("pg*")).resolve().is_relative_to(elsewhere)


@root_only
def test_programs_that_only_root_can_reach_are_copied(
    var: Path, start_postgres: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = postgres.find_binaries()
    monkeypatch.setattr(postgres, "_is_walkable", lambda path: not path.is_relative_to(installed))

    server = start_postgres()

    program = psutil.Process(server.child.process.pid).exe()
    assert Path(program).is_relative_to(var / "elsewhere")
    assert ask(server, "SELECT 1") == 1


@root_only
def test_root_runs_a_cluster_of_somebody_else_as_that_person(var: Path, start_postgres: Callable[..., Server]) -> None:
    stop(start_postgres().child)
    data = next(var.glob("pg*/data"))
    for path in [data, *data.rglob("*")]:
        os.chown(path, 12345, 12345)

    server = start_postgres()

    assert psutil.Process(server.child.process.pid).uids().real == 12345


def test_a_redis_that_outlived_its_launcher_is_stopped_and_its_data_kept(start_redis: Callable[[], Server]) -> None:
    outlived = start_redis()
    redis.Redis.from_url(outlived.url).set("kept", "7")

    assert redis.Redis.from_url(start_redis().url).get("kept") == b"7"
    assert outlived.child.process.wait(timeout=5) == 0
