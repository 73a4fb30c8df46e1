"""PostgreSQL on a disk of its own that fills up while people submit and decide, and is freed again."""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_letters
from urllib.parse import urlsplit

import httpx
import psycopg
from django.core.management import call_command
from django.db import connections
from django.db.utils import Error

from approvals.embedded import postgres
from approvals.embedded.processes import Account, Server, run_as, spawn, stop
from approvals.models import Decision, Interrupt, Thread, Verdict
from approvals.opened import checkpointer
from tests.faults.decision_races import fields_of
from tests.faults.desk import Desk, open_desk, work_off
from tests.faults.report import Campaign, CannotCause, Tally
from tests.faults.site import Site

SIZE = "64m"
# Small files of its log, or the disk would be full of those alone.
OPTIONS = ("-c", "max_connections=60", "-c", "min_wal_size=2MB", "-c", "max_wal_size=2MB", "-c", "shared_buffers=16MB")
PATIENCE = 60
SENDINGS = 24
QUESTIONS = 12
# Letters in a note: rows so large that room left in their tables is soon used up.
LONG = 3_900
PAGE = 4_096
# Bytes that stay free; what is written may come to its end anywhere.
LEFT = (0, 0, 0, 2 * PAGE, 8 * PAGE)


@dataclass
class Sent:
    """A form, the amount or question it is about, and what it was answered."""

    path: str
    fields: dict[str, str]
    client: httpx.Client
    about: object
    status: int = 0

    @property
    def was_accepted(self) -> bool:
        return self.status in (200, 303)

    def send(self) -> None:
        try:
            self.status = self.client.post(self.path, data=self.fields).status_code
        except httpx.TransportError:
            self.status = 0


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally(trials=trials)
    refused = 0
    with _disk(site.directory / "small") as disk, _elsewhere(site, disk) as small:
        call_command("migrate", verbosity=0)
        call_command("checkpoints", "setup", verbosity=0)
        with open_desk(small, "full_disk") as desk:
            desk.sign_everybody_in()
            for cycle in range(trials):
                refused += _cycle(tally, desk, small, disk, f"cycle {cycle}", rng)
    tally.note = f"{refused:,} of {trials * SENDINGS:,} sendings met the full disk"
    tally.expect(refused > 0, "the disk was never full")
    return tally


def _cycle(tally: Tally, desk: Desk, site: Site, disk: Path, where: str, rng: random.Random) -> int:
    """How many sendings were refused while the disk was full."""
    questions = [desk.asked(amount=0) for _ in range(QUESTIONS)]
    sendings = _sendings(desk, questions, rng)
    filler = disk / "filler"
    for number, sent in enumerate(sendings):
        if number >= SENDINGS // 4:
            _fill(filler, leave=rng.choice(LEFT))
        sent.send()
    refused = sum(not sent.was_accepted for sent in sendings)
    filler.unlink()
    begun = time.monotonic()
    _start_again_if_it_ended(site)
    for sent in sendings:
        _judge(tally, where, sent)
        _retry(tally, where, sent, begun)
    tally.recovered(time.monotonic() - begun)
    for thread in Thread.objects.exclude(status="done"):
        work_off(thread)
    stuck = Thread.objects.exclude(status__in=["done", "paused"]).values_list("id", "status")
    tally.expect(not stuck, f"{where}: nobody can carry on with {list(stuck)}")
    return refused


def _sendings(desk: Desk, questions: list[Interrupt], rng: random.Random) -> list[Sent]:
    """Requests and decisions in turn."""
    found = []
    for question in questions:
        key = str(rng.getrandbits(64))
        amount = 10_000_000 + rng.randrange(1_000_000_000)
        found.append(Sent("/new/pays/", {"amount": str(amount), "key": key}, desk.client(desk.rita), amount))
        fields = fields_of(question, rng.choice([Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT]), rng)
        fields["note"] = "".join(rng.choices(ascii_letters, k=LONG))
        path, person = f"/interrupts/{question.id}/decision/", rng.choice(desk.reviewers)
        found.append(Sent(path, fields, desk.client(person), question))
    return found


def _judge(tally: Tally, where: str, sent: Sent) -> None:
    """What was accepted is there. What was refused may be there or not, but never half."""
    found = _count(sent)
    told = f"{where}: {sent.path} was answered {sent.status}, and {found} are there"
    tally.expect(found == 1 if sent.was_accepted else found <= 1, told)
    honest = sent.was_accepted or sent.status == 0 or sent.status >= 500
    tally.expect(honest, f"{where}: {sent.path} was answered {sent.status}")


def _retry(tally: Tally, where: str, sent: Sent, begun: float) -> None:
    """The same form again, until it is taken: it may act only once."""
    again = replace(sent)
    again.send()
    while not again.was_accepted and time.monotonic() - begun < PATIENCE:
        time.sleep(0.1)
        again.send()
    tally.expect(again.was_accepted and _count(sent) == 1, f"{where}: {sent.path} sent again: {again.status}")


def _count(sent: Sent) -> int:
    if isinstance(sent.about, Interrupt):
        return Decision.objects.filter(interrupt=sent.about).count()
    return Thread.objects.filter(input__amount=sent.about).count()


def _fill(filler: Path, *, leave: int) -> None:
    """Take what is free, and give some of it back."""
    for chunk in (1_048_576, PAGE):
        with suppress(OSError), filler.open("ab", buffering=0) as file:
            while file.write(bytes(chunk)) == chunk:
                continue
    os.truncate(filler, max(0, filler.stat().st_size - leave))


def _start_again_if_it_ended(site: Site) -> None:
    """As whatever watches over it would; PostgreSQL ends itself when it cannot write its log."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        child = site.database.child
        if not child.is_running:
            status = os.stat(str(child.process.args[2]))  # type: ignore[index]
            account = Account(status.st_uid, status.st_gid)
            again = spawn(child.name, child.process.args, log=child.log, account=account, directory=Path("/"))  # type: ignore[arg-type]
            site.database = Server(again, site.database.url)
        with suppress(psycopg.OperationalError), psycopg.connect(site.database.url, connect_timeout=5):
            break
        time.sleep(0.1)
    with suppress(Error):
        connections["default"].close()
    checkpointer().close()


@contextmanager
def _disk(directory: Path) -> Iterator[Path]:
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", directory], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        raise CannotCause(f"A small disk cannot be mounted here: {mounted.stderr.strip()}. Run it as root.")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


@contextmanager
def _elsewhere(site: Site, disk: Path) -> Iterator[Site]:
    """The same site with PostgreSQL on the small disk; Django and the processes it starts use that."""
    _create_cluster(site, disk)
    server = postgres.start(disk, options=OPTIONS)
    small = replace(site, database=server)
    try:
        postgres.wait_until_ready(server)
        with _pointed_at(server.url):
            yield small
    finally:
        stop(small.database.child)


@contextmanager
def _pointed_at(url: str) -> Iterator[None]:
    """Both servers have one password, so that only the port differs."""
    settings = connections["default"].settings_dict
    kept, address = settings["PORT"], os.environ["DATABASE_URL"]

    def turn(port: object, url: str) -> None:
        connections["default"].close()
        checkpointer().close()
        checkpointer.cache_clear()
        settings["PORT"] = port
        os.environ["DATABASE_URL"] = url

    turn(urlsplit(url).port, url)
    try:
        yield
    finally:
        turn(kept, address)


def _create_cluster(site: Site, disk: Path) -> None:
    """Like the site's own, but with a log in files of 1 MiB. Whoever runs that server runs this one."""
    binary, data = Path(str(site.database.child.process.args[0])), Path(str(site.database.child.process.args[2]))  # type: ignore[index]
    home = disk / data.parent.name
    home.mkdir()
    password = home / "password"
    password.write_text((data.parent / "password").read_text())
    status = data.stat()
    for path in (home, password):
        os.chown(path, status.st_uid, status.st_gid)
    options = ["-U", postgres.USER, "--auth=scram-sha-256", f"--pwfile={password}", "--wal-segsize=1", "--no-sync"]
    account = Account(status.st_uid, status.st_gid) if os.geteuid() == 0 else None
    command: list[str | Path] = [
        binary.parent / "initdb",
        "-D",
        home / "data",
        *options,
        "--encoding=UTF8",
        "--locale=C",
    ]
    made = run_as(account, command, directory=home)
    if made.returncode != 0:
        raise CannotCause(f"PostgreSQL could not be created on the small disk: {made.stdout[-300:]}")


PROMISE = "A full disk is refused in the open: what was accepted is there, and work goes on when there is room again"
CAMPAIGNS = (Campaign("full_disk", PROMISE, full=20, short=1, run=run),)
