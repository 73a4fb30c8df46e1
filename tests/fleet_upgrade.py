"""`python -m tests.fleet_upgrade --from REV`: replace a release by this one, and go back, while people work.

Old and new processes stand beside each other on one database of their own, as in the order of docs/deploying.md. REV is
any commit of this repository; its code runs on the packages that are installed now. Exits with 1 when a step failed.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from approvals.embedded import postgres, valkey
from approvals.embedded.processes import Child, free_port, port_answers, spawn, stop, wait_until

NEW = Path(__file__).resolve().parent.parent
REQUEST = "Hello, this is Marta Nowak. Both lamps of order ORD-48213 arrived broken. Please refund 1,240.00 EUR."
PASSWORD = "an-honest-password"
PEOPLE = f"""
from django.contrib.auth.models import Group, User
for name, group in (("rita", "requesters"), ("alice", "reviewers"), ("oscar", "operators")):
    person = User.objects.create_user(name, password="{PASSWORD}")
    person.groups.add(Group.objects.get_or_create(name=group)[0])
"""
SETUP = {"checkpoints": ["checkpoints", "setup"], "setup_checkpoints": ["setup_checkpoints"]}


class Crew:
    """At most one web process and one worker, each of either release."""

    def __init__(self, directories: dict[str, Path], environment: dict[str, str], logs: Path) -> None:
        self.directories, self.environment, self.logs = directories, environment, logs
        self.port = free_port()
        self.running: dict[str, Child] = {}

    def web(self, release: str) -> None:
        self._replace("web", release, ["uvicorn", "approvals.asgi:application", f"--port={self.port}"])
        wait_until(lambda: port_answers(self.port), child=self.running["web"])

    def worker(self, release: str) -> None:
        command = ["celery", "--quiet", "-A", "approvals", "worker", "-P", "threads", "-c", "4", "--loglevel=INFO"]
        child = self._replace("worker", release, [*command, "--without-gossip", "--without-mingle"])
        log = child.log or self.logs
        wait_until(lambda: " ready." in log.read_text(errors="replace"), child=child)

    def manage(self, release: str, *command: str) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=self.directories[release],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{release}: manage.py {command[0]} failed: {done.stderr[-3000:]}")

    def stop(self) -> None:
        for child in self.running.values():
            stop(child)

    def _replace(self, kind: str, release: str, command: list[str]) -> Child:
        if kind in self.running and not stop(self.running[kind]):
            raise SystemExit(f"The {kind} of {self.running[kind].name} did not end by itself within 25 s.")
        self.running[kind] = spawn(
            f"{kind}, {release}",
            [sys.executable, "-m", *command],
            log=self.logs / f"{kind}-{release}-{time.monotonic_ns()}.log",
            patience=25,
            environment=self.environment,
            directory=self.directories[release],
        )
        return self.running[kind]


class Desk:
    """What people do with the pages, and what the database says of it."""

    def __init__(self, port: int, database: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.rows = psycopg.connect(database, autocommit=True)
        self.people: dict[str, httpx.Client] = {}

    def sign_in(self, name: str) -> None:
        """Once: the session lasts, whichever release answers."""
        client = httpx.Client(base_url=self.url, follow_redirects=True, timeout=30)
        client.get("/accounts/login/")
        self._post(client, "/accounts/login/", {"username": name, "password": PASSWORD})
        self.people[name] = client

    def submit(self) -> str:
        client = self.people["rita"]
        client.get("/new/prompt_chain/").raise_for_status()
        answer = self._post(client, "/new/prompt_chain/", {"request": REQUEST})
        if "/t/" not in str(answer.url):
            raise AssertionError(f"no request was made: {answer.status_code} {answer.text[:300]}")
        thread = str(answer.url).split("/t/")[1].strip("/")
        self.until(thread, "paused")
        return thread

    def approve(self, thread: str) -> None:
        """And read the thread's pages before and after, as an operator."""
        self.read(thread)
        found = self.rows.execute(
            "SELECT id, interrupt_id, checkpoint_id, payload_sha256 FROM approvals_interrupt"
            " WHERE thread_id::text = %s AND status = 'open'",
            [thread],
        ).fetchone()
        assert found is not None, "nothing is asked"
        seen = dict(zip(("seen_interrupt", "seen_checkpoint", "seen_sha256"), found[1:], strict=True))
        fields = {"verdict": "approve", **seen}
        answer = self._post(self.people["alice"], f"/interrupts/{found[0]}/decision/", fields)
        if answer.status_code >= 400:
            raise AssertionError(f"not decided: {answer.status_code} {answer.text[:300]}")
        self.until(thread, "done")
        applied = self.rows.execute(
            "SELECT count(*) FROM approvals_decision WHERE interrupt_id = %s AND applied_at IS NOT NULL", [found[0]]
        ).fetchone()
        assert applied == (1,), applied
        self.read(thread)

    def read(self, thread: str) -> None:
        for path in (f"/t/{thread}/", f"/t/{thread}/history/", "/queue/", "/failed/"):
            self.people["oscar"].get(path).raise_for_status()

    def until(self, thread: str, status: str, *, within: float = 40) -> None:
        deadline = time.monotonic() + within
        while (found := self._status(thread)) != status:
            if time.monotonic() > deadline:
                raise AssertionError(f"the thread is {found}, not {status}, after {within:.0f} s")
            time.sleep(0.1)

    def _status(self, thread: str) -> Any:
        row = self.rows.execute("SELECT status FROM approvals_thread WHERE id::text = %s", [thread]).fetchone()
        return row and row[0]

    def _post(self, client: httpx.Client, path: str, fields: dict[str, str]) -> httpx.Response:
        headers = {"X-CSRFToken": client.cookies.get("csrftoken") or "", "Origin": self.url}
        return client.post(path, data=fields, headers=headers)


@dataclass
class Office:
    """What people do in one step; `waiting` are threads that it leaves to a later one."""

    desk: Desk
    waiting: list[str] = field(default_factory=list)

    def submit(self, times: int = 1) -> None:
        for _ in range(times):
            self.waiting.append(self.desk.submit())

    def approve(self) -> None:
        self.desk.approve(self.waiting.pop(0))

    def work(self) -> None:
        self.approve()
        self.submit(2)
        self.approve()

    def end(self) -> None:
        while self.waiting:
            self.approve()


def steps(crew: Crew, desk: Desk) -> list[tuple[str, Callable[[], object]]]:
    """In the order of docs/deploying.md."""
    office = Office(desk)
    return [
        ("three requests wait in the old release", lambda: office.submit(3)),
        ("the new release migrates under the old one", lambda: migrate(crew, "new")),
        ("old web and old worker go on, on the new tables", office.work),
        ("the new worker stands beside the old web", lambda: crew.worker("new")),
        ("old web, new worker", office.work),
        ("the new web is started", lambda: crew.web("new")),
        ("new web, new worker", office.work),
        ("the worker goes back", lambda: crew.worker("old")),
        ("new web, old worker", office.work),
        ("the web goes back: the new release is rolled back, its tables stay", lambda: crew.web("old")),
        ("old web, old worker, on what the new release has written", office.work),
        ("and forward again: the web", lambda: crew.web("new")),
        ("and the worker", lambda: crew.worker("new")),
        ("everything that still waits is ended", office.end),
    ]


def migrate(crew: Crew, release: str) -> None:
    crew.manage(release, "migrate", "--noinput")
    commands = crew.directories[release] / "approvals" / "management" / "commands"
    name = next(name for name in SETUP if (commands / f"{name}.py").exists())
    crew.manage(release, *SETUP[name])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet_upgrade", description=__doc__)
    parser.add_argument("--from", dest="revision", required=True, metavar="REV")
    revision = parser.parse_args().revision
    with ExitStack() as ending:
        var = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="holdpoint-upgrade-")))
        var.chmod(0o711)
        (var / "old").mkdir()
        packed = subprocess.run(["git", "archive", revision], cwd=NEW, stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", var / "old"], input=packed.stdout, check=True)
        redis, database = valkey.start(var), postgres.start(var, sync=False, elsewhere=var / "elsewhere")
        for server in (redis, database):
            ending.callback(stop, server.child)
        valkey.wait_until_ready(redis)
        postgres.wait_until_ready(database)
        crew = Crew({"old": var / "old", "new": NEW}, environment(var, redis.url, database.url), var)
        ending.callback(crew.stop)
        return walk(crew, database.url)


def environment(var: Path, redis: str, database: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOLDPOINT_", "DJANGO_"))}
    return kept | {
        "HOLDPOINT_SECRET_KEY": secrets.token_urlsafe(40),
        "HOLDPOINT_LOCAL": "1",
        "HOLDPOINT_VAR": str(var),
        "REDIS_URL": redis,
        "DATABASE_URL": database,
    }


def walk(crew: Crew, database: str) -> int:
    """Every step is tried, also after one that failed."""
    migrate(crew, "old")
    crew.manage("old", "shell", "-c", PEOPLE)
    crew.web("old")
    crew.worker("old")
    desk = Desk(crew.port, database)
    for name in ("rita", "alice", "oscar"):
        desk.sign_in(name)
    failed = 0
    for number, (what, step) in enumerate(steps(crew, desk), start=1):
        begun = time.monotonic()
        try:
            step()
        except (AssertionError, httpx.HTTPError, IndexError) as error:
            failed += 1
            print(f"{number:2}. FAILED  {what}: {error}\n{last_words(crew)}", flush=True)
        else:
            print(f"{number:2}. {what} ({time.monotonic() - begun:.1f} s)", flush=True)
    print(f"{failed} steps failed." if failed else "Every step passed.", flush=True)
    return 1 if failed else 0


def last_words(crew: Crew) -> str:
    return "\n".join(f"    {child.name}: {child.last_words()[-900:]}" for child in crew.running.values())


if __name__ == "__main__":
    sys.exit(main())
