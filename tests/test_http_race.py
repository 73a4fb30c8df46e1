"""Twenty clients post the same decision over HTTP at once: one winner, nineteen who are told who it was."""

import threading
from collections import Counter
from pathlib import Path

import httpx
from django.conf import settings
from django.contrib.auth.models import Group, User

from approvals import threads
from approvals.models import Decision, Interrupt, Run, RunKind, Vote
from tests.conftest import Cast, open_question, work_off
from tests.stack import Stack
from tests.test_socket import session_of

CLIENTS = 20
CSRF = "x" * 32


def client_of(stack: Stack, person: User) -> httpx.Client:
    cookies = {settings.SESSION_COOKIE_NAME: session_of(person), settings.CSRF_COOKIE_NAME: CSRF}
    headers = {"X-CSRFToken": CSRF, "Accept": "application/json", "Origin": stack.url}
    return httpx.Client(base_url=stack.url, cookies=cookies, headers=headers, timeout=60)


def form(question: Interrupt) -> dict[str, str]:
    return {
        "verdict": "approve",
        "seen_interrupt": question.interrupt_id,
        "seen_checkpoint": question.checkpoint_id,
        "seen_sha256": question.payload_sha256,
    }


def test_twenty_clients_one_winner(stack: Stack, cast: Cast, tmp_path: Path) -> None:
    reviewers = [User.objects.create(username=f"reviewer{n}", password="!") for n in range(CLIENTS)]
    Group.objects.get(name="reviewers").user_set.add(*reviewers)
    thread = threads.submit(cast.rita, "slow", {"effects": str(tmp_path / "effects")})
    work_off(thread)
    question = open_question(thread)
    clients = [client_of(stack, person) for person in reviewers]

    answers = post_at_once(clients, f"/interrupts/{question.id}/decision/", form(question))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: CLIENTS - 1}
    winner = Decision.objects.get().decided_by_name
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(told["error"], told["winner"], told["verdict"]) for told in refusals} == {
        ("already_decided", winner, "approve")
    }
    assert Vote.objects.count() == 1
    assert Run.objects.filter(thread=thread, kind=RunKind.RESUME).count() == 1


def test_a_form_that_does_not_say_what_was_seen_is_a_bad_request(stack: Stack, cast: Cast, tmp_path: Path) -> None:
    thread = threads.submit(cast.rita, "slow", {"effects": str(tmp_path / "effects")})
    work_off(thread)
    question = open_question(thread)

    answer = client_of(stack, cast.alice).post(f"/interrupts/{question.id}/decision/", data={"verdict": "approve"})

    assert (answer.status_code, answer.json()["error"]) == (400, "missing_seen")


def post_at_once(clients: list[httpx.Client], path: str, data: dict[str, str]) -> list[httpx.Response]:
    gate = threading.Barrier(len(clients))
    answers: list[httpx.Response] = []

    def post(client: httpx.Client) -> None:
        gate.wait()
        answers.append(client.post(path, data=data))

    crowd = [threading.Thread(target=post, args=(client,)) for client in clients]
    for member in crowd:
        member.start()
    for member in crowd:
        member.join()
    for client in clients:
        client.close()
    return answers
