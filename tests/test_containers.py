"""The image and the compose file, without a container engine: the files they copy, running the commands they name."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
import yaml

from approvals.embedded.processes import Child, free_port, port_answers, spawn, stop, wait_until
from approvals.models import Thread
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
SET = {"HOLDPOINT_HOSTS": ".desk.example.org,other.example.org"}
SECRETS = {
    "secret_key": "0123456789abcdefghijklmnopqrstuvwxyz-0123456789abc",
    "record_key": "abcdefghijklmnopqrstuvwxyz-0123456789abc-0123456789",
    "metrics_token": "abcdefghijklmnopqrstuvwxyz",
    "redis_password": "def456",
}
PASSWORDS = {"DATABASE_URL": "postgres_password", "REDIS_URL": "redis_password"}
PROGRAMS = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<text>[^}]*))?\}")


def interpolated(text: str, values: dict[str, str]) -> str:
    """What compose does with ${NAME}, ${NAME:-default}, ${NAME:?error} and $$."""

    def value(found: re.Match[str]) -> str:
        given = values.get(found["name"], "")
        if found["kind"] == "?" and not given:
            raise KeyError(found["text"])
        return given or (found["text"] if found["kind"] == "-" else "")

    return VARIABLE.sub(value, text).replace("$$", "$")


def services(values: dict[str, str] = SET) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(interpolated(COMPOSE, values))["services"]
    return found


class Deployment:
    """A directory as the image has it, a database of its own, and the environment that compose gives."""

    def __init__(self, directory: Path, database: str) -> None:
        self.directory = directory
        self.database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()
        self.port = free_port()
        self.logs = directory.parent
        self.secrets = directory.parent / "secrets"
        self.secrets.mkdir()
        for name, value in SECRETS.items():
            (self.secrets / name).write_text(f"{value}\n")
        self.servers = {"DATABASE_URL": self.database, "REDIS_URL": os.environ["REDIS_URL"]}
        for name, url in self.servers.items():
            if password := urlsplit(url).password:
                # Once and before anybody starts: who reads while it is written anew finds an empty file.
                (self.secrets / PASSWORDS[name]).write_text(password)

    def environment(self, service: str) -> dict[str, str]:
        """Nothing of ours but where programs are, and where the two servers are instead of in containers."""
        given = {name: str(value or "") for name, value in services()[service]["environment"].items()}
        here = {name: value.replace("/run/secrets", str(self.secrets)) for name, value in given.items()}
        for name, url in self.servers.items():
            here |= self.address(name, url)
        return {**PROGRAMS, **here}

    def address(self, name: str, url: str) -> dict[str, str]:
        """The server's address without its password, which is in the file that compose names, if there is one."""
        parts, file = urlsplit(url), name.replace("_URL", "_PASSWORD_FILE")
        if not parts.password:
            return {name: url, file: ""}
        bare = f"{parts.username or ''}@{parts.hostname}:{parts.port}"
        return {name: parts._replace(netloc=bare).geturl(), file: str(self.secrets / PASSWORDS[name])}

    def here(self, part: str) -> str:
        """A container has its network to itself; this machine's port 8000 may be taken."""
        return part.replace("8000", str(self.port)).replace("0.0.0.0", "127.0.0.1")

    def run(self, command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        here = [self.here(part) for part in command]
        return subprocess.run(here, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=90)

    def start(self, service: str) -> Child:
        return spawn(
            service,
            [self.here(part) for part in services()[service]["command"]],
            log=self.logs / f"{service}.log",
            environment=self.environment(service),
            directory=self.directory,
        )


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    image = tmp_path / "image"
    image.mkdir()
    for source, target in re.findall(r"^COPY (\S+) (\S+)$", DOCKERFILE, re.MULTILINE):
        if not source.startswith("$"):
            copy_as_docker_does(ROOT / source, image / target)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, dbname="postgres") as server:
        server.execute("CREATE DATABASE containers")
        yield Deployment(image, "containers")
        server.execute("DROP DATABASE containers WITH (FORCE)")


def copy_as_docker_does(source: Path, target: Path) -> None:
    ignored = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("#", "!", "*", "")
    ]

    def left_out(directory: str, names: list[str]) -> list[str]:
        inside = Path(directory).relative_to(ROOT)
        return [name for name in names if name == "__pycache__" or any(fnmatch(str(inside / name), i) for i in ignored)]

    if source.is_dir():
        shutil.copytree(source, target, ignore=left_out)
    else:
        shutil.copy(source, target)


def test_the_image_and_the_commands_of_compose_take_a_request_from_nothing_to_a_question(
    deployment: Deployment,
) -> None:
    build(deployment)
    setup = deployment.environment("setup")
    for command in (services()["setup"]["command"], ["python", "manage.py", "seed_demo"]):
        done = deployment.run(command, setup)
        assert done.returncode == 0, done.stderr

    web, worker = deployment.start("web-a"), deployment.start("worker-a")
    try:
        wait_until(lambda: is_healthy(deployment), child=web)
        eventually(lambda: paused(deployment), within=60, what=f"a paused thread ({worker.last_words()})")
    finally:
        stopped_in_time = [stop(worker), stop(web)]
    assert stopped_in_time == [True, True]
    assert not is_healthy(deployment)


def build(deployment: Deployment) -> None:
    """What the image is built with is there, and what would only be dead weight is not."""
    assert not (deployment.directory / "approvals" / "embedded").exists()
    for step in re.findall(r"^RUN (.*python .*)$", DOCKERFILE, re.MULTILINE):
        built = deployment.run(["sh", "-c", step], PROGRAMS)
        assert built.returncode == 0, built.stderr
    assert (deployment.directory / "staticfiles" / "staticfiles.json").exists()


def is_healthy(deployment: Deployment) -> bool:
    check = services()["web-a"]["healthcheck"]["test"][1:]
    return deployment.run(check, deployment.environment("web-a")).returncode == 0


def paused(deployment: Deployment) -> bool:
    with psycopg.connect(deployment.database) as connection:
        found = connection.execute(f"SELECT 1 FROM {Thread._meta.db_table} WHERE status = 'paused'").fetchone()
    return found is not None


@pytest.mark.parametrize("name", SET)
def test_compose_refuses_to_start_without_what_must_be_set(name: str) -> None:
    with pytest.raises(KeyError, match=f"Set {name} to "):
        services({**SET, name: ""})


def test_redis_keeps_what_it_holds_and_asks_for_the_password(tmp_path: Path) -> None:
    if not shutil.which("redis-server"):
        pytest.skip("no redis-server is installed")
    settings = services()["redis"]
    port = free_port()
    (tmp_path / "redis_password").write_text(SECRETS["redis_password"])
    moved = (("/tmp/", f"{tmp_path}/"), ("/run/secrets", str(tmp_path)))
    command = [reduce(lambda text, pair: text.replace(*pair), moved, part) for part in settings["command"]]
    command[-1] += f" --port {port} --dir {tmp_path}"
    server = spawn("redis", command, log=tmp_path / "log", environment={"PATH": os.environ["PATH"]})
    client = redis.Redis(port=port, password=SECRETS["redis_password"])
    try:
        wait_until(lambda: port_answers(port), child=server)
        assert client.config_get("appendonly", "maxmemory-policy") == {
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
        assert SECRETS["redis_password"] not in Path(f"/proc/{server.process.pid}/cmdline").read_text()
    finally:
        stop(server)


def test_no_secret_is_in_the_environment_and_each_has_a_file() -> None:
    named = yaml.safe_load(interpolated(COMPOSE, SET))["secrets"]
    assert {name: Path(found["file"]).name for name, found in named.items()} == {name: name for name in named}
    for service, settings in services().items():
        for name, value in settings.get("environment", {}).items():
            is_secret = re.search("PASSWORD|SECRET_KEY|RECORD_KEY|TOKEN", name)
            assert not is_secret or name.endswith("_FILE"), (service, name)
            if str(value).startswith("/run/secrets/"):
                assert Path(value).name in settings["secrets"], (service, name)


def test_every_service_is_kept_in_bounds() -> None:
    for name, settings in services().items():
        assert "no-new-privileges:true" in settings["security_opt"], name
        assert settings["logging"]["options"]["max-size"], name
        assert name == "postgres" or (settings["read_only"] and settings["cap_drop"] == ["ALL"]), name
        assert name == "setup" or (settings["restart"] == "unless-stopped" and settings["stop_grace_period"]), name
        assert "build" in settings or re.fullmatch(r"[a-z]+:\d+(\.\d+)+", settings["image"]), name
    assert re.search(r"^ARG PYTHON_VERSION=\d+\.\d+\.\d+$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^USER holdpoint$", DOCKERFILE, re.MULTILINE)


def test_the_proxy_asks_for_the_web_processes_under_their_names() -> None:
    asked = (ROOT / "docs/deploying/haproxy.cfg").read_text()
    for name in ("web-a", "web-b"):
        assert name in services()
        assert f"-{name}:8000}}" in asked
    assert services()["proxy"]["ports"] == ["127.0.0.1:8000:8000"]


def test_docker_itself_accepts_the_compose_file() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    command = [docker, "compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    checked = subprocess.run(command, env={**os.environ, **SET}, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
