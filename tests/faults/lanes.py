"""Lanes: a campaign's trials spread over processes, each with a database of its own, so that sweeps do not mix."""

import gc
import os
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

import psycopg
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from approvals import opened
from approvals.models import Policy
from tests.faults.forks import Forked, forget_connection
from tests.faults.graphs import EFFECTS
from tests.faults.report import Tally
from tests.faults.site import Site

LANES = (os.cpu_count() or 1) + 1
TEMPLATE = "faults_template"
LONGEST_SECONDS = 3 * 3600.0
PEOPLE = {"rita": "requesters", "alice": "reviewers", "bob": "reviewers", "oscar": "operators"}

Plan = TypeVar("Plan")
Result = TypeVar("Result")


def tally(site: Site, trials: Callable[[Sequence[Plan]], Tally], plans: Sequence[Plan]) -> Tally:
    """One campaign's plans, dealt out to the lanes, and what they found put together again."""
    whole = Tally()
    for part in spread(site, trials, plans):
        whole.trials += part.trials
        whole.violations += part.violations
        whole.note = ", ".join(filter(None, [whole.note, part.note]))
    return whole


def spread(site: Site, work: Callable[[Sequence[Plan]], Result], plans: Sequence[Plan]) -> list[Result]:
    """Raises RuntimeError when a lane ended with an error of its own: that is the harness's fault, not Holdpoint's."""
    lanes = range(min(LANES, len(plans)))
    names = [_new_database(site, f"faults_{lane}") for lane in lanes]
    gc.freeze()
    running = [
        Forked(_in_lane(site, name, work, plans[lane :: len(names)])) for lane, name in zip(lanes, names, strict=True)
    ]
    ends = [lane.ended(within=LONGEST_SECONDS) for lane in running]
    gc.unfreeze()
    for end in ends:
        if end.error or end.killed:
            raise RuntimeError(f"A lane did not come to its end. {end.error}")
    return [end.result for end in ends]


def _in_lane(
    site: Site, name: str, work: Callable[[Sequence[Plan]], Result], plans: Sequence[Plan]
) -> Callable[[], Result]:
    """What the lane logs, warnings about dead workers by the thousand, is kept beside the servers' logs."""

    def run() -> Result:
        use_database(name)
        log = os.open(site.directory / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        return work(plans)

    return run


def use_database(name: str) -> None:
    """From now on this process and those it starts have that database; only for processes that were forked."""
    forget_connection()
    connection.settings_dict["NAME"] = name
    os.environ["DATABASE_URL"] = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    opened.checkpointer.cache_clear()


def _new_database(site: Site, name: str) -> str:
    """Holdpoint's tables, the cast, and nothing else."""
    with psycopg.connect(site.database.url, autocommit=True) as server:
        known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone()
        if not known:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
            _fill(TEMPLATE)
        fresh = {"name": sql.Identifier(name), "template": sql.Identifier(TEMPLATE)}
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**fresh))
        server.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**fresh))
    return name


def _fill(name: str) -> None:
    """In a fork, which leaves no connection behind: one would keep the template from being copied."""

    def run() -> None:
        use_database(name)
        call_command("migrate", verbosity=0)
        call_command("checkpoints", "setup", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(EFFECTS)
        Policy.objects.update(undo_seconds=0)
        for username, group in PEOPLE.items():
            User.objects.create(username=username, password="!").groups.add(Group.objects.get(name=group))

    ended = Forked(run).ended()
    if ended.error:
        raise RuntimeError(ended.error)
