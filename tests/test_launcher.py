"""The launcher as people meet it: a process of its own with real servers, started, refused, stopped and killed."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from approvals.embedded.instance import read_services
from approvals.embedded.processes import free_port
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent
OF_THE_TESTS = ("HOLDPOINT_", "DJANGO_", "DATABASE_URL", "REDIS_URL")
MAKE_GROUP = "from django.contrib.auth.models import Group; Group.objects.create(name='kept')"
COUNT_GROUP = "from django.contrib.auth.models import Group; print(Group.objects.filter(name='kept').count())"
SHOW_DATABASE = "import os; print(os.environ['DATABASE_URL'])"


class Holdpoint:
    """One Holdpoint, in a directory and on a port of its own."""

    def __init__(self, home: Path) -> None:
        self.var = home / "var"
        self.output = home / "output"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        with self.output.open("wb") as output:
            command = [sys.executable, "-m", "approvals.embedded", "serve"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment(), stdout=output, stderr=subprocess.STDOUT
            )
        eventually(lambda: "ready" in self.said() or self.has_ended(), within=90, what="a start")
        assert not self.has_ended(), self.said()

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def said(self) -> str:
        return self.output.read_text()

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "approvals.embedded", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment(**environment), capture_output=True, text=True, timeout=90
        )

    def end_by(self, ending: signal.Signals) -> int:
        """Send the launcher alone a signal, and see that nothing it started is left."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        assert len(family) >= 4
        self.process.send_signal(ending)
        code = self.process.wait(timeout=60)
        assert psutil.wait_procs(family, timeout=15)[1] == []
        return code

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_TESTS)}
        return {**inherited, "HOLDPOINT_VAR": str(self.var), "PORT": str(self.port), **more}


@pytest.fixture
def idle() -> Iterator[Holdpoint]:
    """Not in pytest's own directory, which only its owner may enter: root's PostgreSQL runs as somebody else."""
    with tempfile.TemporaryDirectory(prefix="holdpoint-launcher-") as home:
        Path(home).chmod(0o711)
        yield Holdpoint(Path(home))


@pytest.fixture
def started(idle: Holdpoint) -> Iterator[Holdpoint]:
    idle.start()
    yield idle
    if not idle.has_ended():
        idle.end_by(signal.SIGTERM)


def test_it_serves_refuses_a_second_lends_its_services_and_stops_in_order_on_ctrl_c(started: Holdpoint) -> None:
    with urllib.request.urlopen(f"{started.url}healthz", timeout=10) as answer:
        assert answer.status == 200

    second = started.run("serve")
    assert second.returncode == 1
    assert f"Holdpoint is already running at {started.url} ({started.var}/)." in second.stderr

    asked = started.run("manage", "shell", "-v", "0", "-c", f"{MAKE_GROUP}; {SHOW_DATABASE}")
    services = read_services(started.var)
    assert services is not None
    assert asked.stdout.strip() == services["environment"]["DATABASE_URL"]

    assert started.end_by(signal.SIGINT) == 0
    assert "Stopping worker, web, Redis, PostgreSQL ..." in started.said()
    assert started.said().endswith("Holdpoint has stopped.\n")
    assert "terminating connection" not in (started.var / "postgres.log").read_text()  # everyone had left before it
    assert read_services(started.var) is None
    assert started.run("manage", "shell", "-v", "0", "-c", COUNT_GROUP).stdout.strip() == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_kill_leaves_no_process_and_the_next_start_finds_the_data(started: Holdpoint) -> None:
    assert started.run("manage", "shell", "-v", "0", "-c", MAKE_GROUP).returncode == 0

    assert started.end_by(signal.SIGKILL) == -signal.SIGKILL

    assert started.run("manage", "shell", "-v", "0", "-c", COUNT_GROUP).stdout.strip() == "1"


def test_when_one_part_dies_it_is_named_and_the_others_are_stopped(started: Holdpoint) -> None:
    services = read_services(started.var)
    assert services is not None
    family = psutil.Process(started.process.pid).children(recursive=True)

    os.kill(services["processes"]["Redis"], signal.SIGKILL)

    assert started.process.wait(timeout=60) == 1
    assert f"Redis ended by itself with exit code -9. Its log, {started.var}/redis.log, ends:" in started.said()
    assert psutil.wait_procs(family, timeout=15)[1] == []


def test_a_taken_port_is_refused_before_anything_is_started(idle: Holdpoint) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", idle.port))
        taken.listen()
        refused = idle.run("serve")

    assert refused.returncode == 1
    assert f"Port {idle.port} cannot be used: Address already in use." in refused.stderr
    assert {path.name for path in idle.var.iterdir()} == {".lock"}


@pytest.mark.parametrize("port", ["0", "65536", "80a"])
def test_a_port_that_cannot_be_meant_is_refused(idle: Holdpoint, port: str) -> None:
    refused = idle.run("serve", PORT=port)

    assert refused.returncode == 1
    assert f"PORT is '{port}'. Set it to a whole number from 1 to 65535." in refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOLDPOINT_HOSTS", "desk.example.org", "are for this machine only"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing", "Connection refused"),
    ],
)
def test_what_is_set_wrong_is_said_plainly_and_everything_stopped(
    idle: Holdpoint, name: str, value: str, said: str
) -> None:
    refused = idle.run("serve", **{name: value})

    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "Holdpoint has stopped." in refused.stderr


def test_manage_alone_starts_servers_for_the_command_and_ends_with_its_exit_code(idle: Holdpoint) -> None:
    migrated = idle.run("manage", "migrate", "--check")

    assert migrated.returncode == 1
    assert "database system is shut down" in (idle.var / "postgres.log").read_text()


def test_manage_passes_on_standard_input_and_a_start_beside_it_is_told_to_wait(idle: Holdpoint) -> None:
    command = [sys.executable, "-m", "approvals.embedded", "manage", "shell", "-v", "0"]
    shell = subprocess.Popen(
        command, cwd=ROOT, env=idle.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    eventually(lambda: (idle.var / ".lock").exists() and (idle.var / ".lock").read_text(), what="the lock")

    refused = idle.run("serve")
    said, _ = shell.communicate("print('through the pipe')", timeout=60)

    assert refused.returncode == 1
    assert f"`manage shell` is using {idle.var}/. Wait for it" in refused.stderr
    assert (said.strip(), shell.returncode) == ("through the pipe", 0)
