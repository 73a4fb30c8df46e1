"""Checkpoints in memory: one process that is pages and worker, over HTTP; two of them, and anything else, refused."""

import os
import signal
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals import decisions, threads
from approvals.embedded.processes import Child, free_port, port_answers, wait_until
from approvals.models import Run, RunStatus, ThreadStatus, Verdict
from tests.conftest import REQUEST, Cast, open_question
from tests.stack import Stack
from tests.test_main_job import ballot
from tests.waiting import eventually, until_status

IN_MEMORY = {"HOLDPOINT_CHECKPOINTS": "memory://", "HOLDPOINT_SWEEP_SECONDS": "0.3", "HOLDPOINT_LEASE_SECONDS": "2"}


def begin(stack: Stack, name: str, port: int) -> Child:
    return stack.start(name, ["approvals.together", "--port", str(port)], IN_MEMORY)


def begun(stack: Stack, name: str) -> tuple[Child, str]:
    port = free_port()
    child = begin(stack, name, port)
    wait_until(lambda: port_answers(port), child=child)
    return child, f"http://127.0.0.1:{port}"


@pytest.fixture
def together(stack: Stack) -> tuple[Child, str]:
    return begun(stack, "together")


def signed_in(url: str, person: User) -> httpx.Client:
    session = Client()
    session.force_login(person)
    return httpx.Client(base_url=url, cookies={"sessionid": session.cookies["sessionid"].value})


def test_one_process_takes_in_shows_decides_and_answers(cast: Cast, together: tuple[Child, str]) -> None:
    child, url = together
    thread = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    until_status(thread, ThreadStatus.PAUSED)
    with signed_in(url, cast.alice) as alice:
        assert "ORD-48213" in alice.get(f"/t/{thread.id}/history/").text
        question = open_question(thread)
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
        until_status(thread, ThreadStatus.DONE)
        shown = alice.get(f"/t/{thread.id}/").text

    assert "Its checkpoints cannot be read" not in shown
    assert "Result" in shown
    assert child.is_running


def test_after_a_restart_what_was_under_way_fails_instead_of_beginning_anew(
    cast: Cast, stack: Stack, together: tuple[Child, str], tmp_path: Path
) -> None:
    child, _ = together
    effects = tmp_path / "effects"
    waiting = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    until_status(waiting, ThreadStatus.PAUSED)
    at_work = threads.submit(cast.rita, "slow", {"effects": str(effects), "seconds": 30})
    eventually(effects.exists, what="the node at work")
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()

    _, url = begun(stack, "again")
    question = open_question(waiting)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    until_status(waiting, ThreadStatus.FAILED)
    until_status(at_work, ThreadStatus.FAILED)

    ends = Run.objects.filter(thread__in=[waiting, at_work], status=RunStatus.FAILED)
    assert list(ends.values_list("error_class", flat=True)) == ["CheckpointsGone"] * 2
    assert effects.read_text().splitlines() == ["work begins"]
    with signed_in(url, cast.rita) as rita:
        assert "no longer kept" in rita.get(f"/t/{waiting.id}/").text


def test_a_second_process_a_worker_and_pages_alone_are_refused(stack: Stack, together: tuple[Child, str]) -> None:
    second = begin(stack, "second", free_port())
    worker = stack.begin_worker(HOLDPOINT_CHECKPOINTS="memory://")
    pages = stack.start_web(HOLDPOINT_CHECKPOINTS="memory://")
    said = {
        second: "Another Holdpoint keeps checkpoints in its memory on this database",
        worker: "This worker does not start. memory:// keeps checkpoints in one process",
        pages: "These pages do not start. memory:// keeps checkpoints in one process",
    }
    for child, sentence in said.items():
        assert child.process.wait(40) != 0
        assert sentence in stack.log(child.name)
    assert "Traceback" not in stack.log(second.name) + stack.log(worker.name)
    assert together[0].is_running


def test_it_stops_in_order_when_asked(together: tuple[Child, str]) -> None:
    child, _ = together

    child.process.send_signal(signal.SIGTERM)

    assert child.process.wait(20) == 0
