"""The doorbells' Redis with the narrow rights that docs/deploying.md gives: they are enough."""

import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from approvals import threads
from approvals.embedded.processes import free_port, port_answers, spawn, stop, wait_until
from approvals.models import Thread, ThreadStatus
from tests.conftest import Cast
from tests.stack import ROOT, Stack
from tests.test_socket import heard, socket_of
from tests.waiting import eventually

PASSWORD = secrets.token_urlsafe(24)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    if not (executable := shutil.which("redis-server")):
        pytest.skip("no redis-server is installed")
    (line,) = re.findall(r"^user holdpoint .*$", (ROOT / "docs/deploying.md").read_text(), re.MULTILINE)
    found, conf = free_port(), tmp_path / "redis.conf"
    conf.write_text(f"port {found}\nbind 127.0.0.1\nsave ''\n{line.replace('PASSWORD', PASSWORD)}\n")
    child = spawn("redis", [executable, str(conf)], log=tmp_path / "redis.log")
    try:
        wait_until(lambda: port_answers(found), child=child)
        yield found
    finally:
        stop(child)


def test_web_and_worker_work_with_these_rights_alone(cast: Cast, port: int, stack: Stack) -> None:
    """What this process rings goes to another Redis: the sweep rings here, and whoever hears that takes it up."""
    here = {"REDIS_URL": f"redis://holdpoint:{PASSWORD}@127.0.0.1:{port}/0"}
    server = redis.Redis(port=port, decode_responses=True)
    stack.start_web(**here)
    with socket_of(stack, cast.rita) as hers:
        stack.start_worker(pool="threads", concurrency=4, **here)
        thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
        eventually(lambda: is_paused(thread), within=30, what="a doorbell that was heard")
        assert (heard(hers, within=10) or {})["thread"] == str(thread.id)

    assert server.info("commandstats")["cmdstat_brpop"]["calls"] > 0
    assert server.acl_log() == []


def is_paused(thread: Thread) -> bool:
    thread.refresh_from_db()
    return thread.status == ThreadStatus.PAUSED
