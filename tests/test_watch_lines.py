"""The log: one JSON object a line, who and where on each, and no word of what people, models or errors said."""

import json
import logging
import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import dropwhile
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from approvals import threads
from approvals.models import Event, EventKind, Run, Thread, ThreadStatus
from approvals.watch.lines import MASK, UNTOLD, Hiding
from approvals.watch.logs import configure
from tests.conftest import PASSWORD, Cast, open_question
from tests.stack import Stack
from tests.test_http_race import client_of, form
from tests.waiting import eventually, until_status

CANARY = "Kanarienvogel"
LINES = {"HOLDPOINT_LOG_FORMAT": "json", "HOLDPOINT_LOG_WORDS": "0", "HOLDPOINT_LOG_REQUESTS": "1"}


def lines_of(stack: Stack, name: str) -> list[dict[str, Any]]:
    """Every one of them, from the first: Celery warns whoever is root before there is a log. Anything else fails."""
    said = list(dropwhile(lambda line: not line.startswith("{"), stack.log(name).splitlines()))
    assert all(line.startswith("{") for line in said), said
    found = [json.loads(line) for line in said]
    assert all(isinstance(line, dict) and {"event", "level", "timestamp", "logger"} <= set(line) for line in found)
    return found


def own(**fields: Any) -> dict[str, Any]:
    return Hiding(words=False).own(None, "info", {"event": "said", **fields})


def foreign(name: str, message: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    record = logging.LogRecord(name, logging.ERROR, "file.py", 1, message, arguments, None, **options)
    line = {"_record": record, "positional_args": record.args, "event": "raw"}
    return Hiding(words=False).foreign(None, "error", line)


def test_no_word_of_a_request_gets_into_the_log_of_a_worker(stack: Stack, cast: Cast) -> None:
    stack.start_worker(**LINES)
    thread = threads.submit(cast.rita, "leaky", {"request": CANARY})
    until_status(thread, ThreadStatus.PAUSED)
    web = client_of(stack, cast.alice)
    assert web.post(f"/interrupts/{open_question(thread).id}/decision/", data=form(open_question(thread))).is_success
    until_status(thread, ThreadStatus.FAILED)

    said = stack.log("worker-0")
    assert CANARY not in said, [line for line in said.splitlines() if CANARY in line]
    lines = lines_of(stack, "worker-0")
    loggers = {line["logger"] for line in lines if line["event"] == UNTOLD}
    assert {"somebody.elses", "celery.redirected"} <= loggers
    raised = next(line for line in lines if line["logger"] == "django.request")
    assert raised["exception"] == "builtins.ValueError"
    assert raised["where"] == ["tests/graphs/leaky.py:30:tell"]
    assert CANARY in Run.objects.get(thread=thread, kind="resume").error_message  # there it belongs


def test_each_line_about_a_run_says_which_and_how_far_it_has_come(stack: Stack, cast: Cast) -> None:
    stack.start_worker(**LINES)
    thread = threads.submit(cast.rita, "leaky", {"request": CANARY})
    until_status(thread, ThreadStatus.PAUSED)

    run = Run.objects.get(thread=thread)
    about = [line for line in lines_of(stack, "worker-0") if line["logger"] == "somebody.elses"]
    assert [(line["thread_id"], line["run_id"], line["step"]) for line in about] == [(str(thread.id), str(run.id), 0)]
    assert about[0]["checkpoint_id"] < open_question(thread).checkpoint_id
    elsewhere = [line for line in lines_of(stack, "worker-0") if line["event"].endswith(" ready.")]
    assert "thread_id" not in elsewhere[0]


def test_a_line_of_the_web_says_which_request_and_whose_but_not_who(stack: Stack, cast: Cast) -> None:
    stack.start_web(**LINES)
    answer = client_of(stack, cast.alice).get("/queue/", params={"q": CANARY})
    client_of(stack, cast.alice).get("/nowhere/" + CANARY)
    eventually(lambda: stack.log().count('"answered"') >= 2, what="two lines")

    assert CANARY not in stack.log()
    assert "alice" not in stack.log()
    lines = [line for line in lines_of(stack, "web") if line["event"] == "answered"]
    first, second = lines[:2]
    assert (first["view"], first["status"], first["user_id"]) == ("queue", 200, cast.alice.id)
    assert first["request_id"] == answer.headers["X-Request-ID"]
    assert (second["view"], second["status"]) == ("none", 404)


def test_a_password_that_was_typed_in_wrong_is_in_no_line(stack: Stack, cast: Cast) -> None:
    stack.start_web(**LINES)
    web = client_of(stack, User.objects.create(username="somebody"))
    web.cookies.delete("sessionid")
    web.post("/accounts/login/", data={"username": "alice", "login": "alice", "password": CANARY})
    eventually(lambda: '"answered"' in stack.log(), what="a line")

    assert CANARY not in stack.log()
    assert PASSWORD not in stack.log()


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("run_id", "6ddb11e0-0000", "6ddb11e0-0000"),
        ("seconds", 0.5, 0.5),
        ("cost", Decimal("0.10"), "0.10"),
        ("title", "Refund for Marta", "[16 characters]"),
        ("chain", "x" * 121, "[121 characters]"),
        ("payload", {"request": CANARY}, "[dict]"),
        ("body", CANARY.encode(), "[bytes]"),
        ("names", ["a", f"{CANARY} two"], ["a", "[17 characters]"]),
        ("error", ValueError(CANARY), "ValueError"),
        ("why", "Line one\nline two", "Line one line two"),
        ("why", "x" * 1000, "x" * 300),
        ("password", "hunter2", MASK),
        ("access_token", "abc", MASK),
        ("Authorization", "Bearer", MASK),
        ("HTTP_COOKIE", "a=b", MASK),
        ("api_key", 7, MASK),
        ("tokens_in", 7, 7),
    ],
)
def test_a_field_holds_names_numbers_and_ids_only(key: str, value: Any, kept: Any) -> None:
    assert own(**{key: value})[key] == kept


def test_a_framework_keeps_its_constant_words_and_nobody_else_any() -> None:
    told = [
        foreign(
            "celery.app.trace", "Task %(name)s[%(id)s] failed: %(exc)s", {"name": "a", "id": "b", "exc": CANARY + " x"}
        ),
        foreign("django.request", "Not Found: %s", f"/t/{CANARY}/"),
        foreign("uvicorn.error", "Finished server process [%d]", 17),
        foreign("asyncio", f"Exception in callback ask('{CANARY}')\nhandle: <{CANARY}>"),
        foreign("kombu", ValueError(CANARY)),
        foreign("redis", "%d of it", CANARY),
        foreign("celery.worker", "as if by a framework: %s", {"request": CANARY}),
        foreign("axes", "locked out %s", CANARY),
        foreign("langgraph.pregel", CANARY),
        foreign("celery.redirected", CANARY),
    ]

    assert [line["event"] for line in told] == [
        f"Task a[b] failed: {MASK}",
        f"Not Found: {MASK}",
        "Finished server process [17]",
        "Exception in callback ask",
        "[ValueError]",
        "%d of it",
        f"as if by a framework: {MASK}",
        f"locked out {MASK}",
        UNTOLD,
        UNTOLD,
    ]


def test_an_error_is_told_by_its_type_its_place_and_what_it_came_of() -> None:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise ValueError(CANARY) from error
    except ValueError:
        line = own(exc_info=True, stack_info=f"Stack {CANARY}")

    assert line["exception"] == "builtins.ValueError"
    assert line["because_of"] == ["KeyError"]
    assert "/tests/test_watch_lines.py:" in line["where"][0]
    assert CANARY not in json.dumps(line)


def test_an_error_of_the_database_is_told_by_its_code(db: None) -> None:
    try:
        with transaction.atomic():
            User.objects.bulk_create([User(username=CANARY), User(username=CANARY)])
    except IntegrityError:
        line = own(exc_info=True)

    assert line["sqlstate"] == "23505"
    assert line["because_of"] == ["UniqueViolation"]
    assert CANARY not in json.dumps(line)


def test_with_words_everything_is_told_but_secrets() -> None:
    hiding = Hiding(words=True)
    try:
        raise ValueError(CANARY)
    except ValueError:
        line = hiding.own(
            None, "error", {"event": "said", "title": "Refund for Marta", "password": "x", "exc_info": True}
        )

    assert (line["title"], line["password"]) == ("Refund for Marta", MASK)
    assert CANARY in line["exception"]


@pytest.fixture
def lines_here(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_lines_of_ours_and_of_others_have_the_same_form(lines_here: None, capsys: pytest.CaptureFixture[str]) -> None:
    formatter = dict(configure(form="json", level="INFO", words=False, requests=True)["formatters"]["lines"])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter.pop("()")(**formatter))
    for name in ("approvals.here", "django.there"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.propagate, logger.level = False, logging.INFO
    structlog.get_logger("approvals.here").warning("said", thread_id="a")
    logging.getLogger("django.there").warning("said %d times", 2)
    for name in ("approvals.here", "django.there"):
        logging.getLogger(name).removeHandler(handler)

    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["level"], ours["logger"], ours["thread_id"]) == (
        "said",
        "warning",
        "approvals.here",
        "a",
    )
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("said 2 times", "warning", "django.there")
    assert set(theirs) == {"event", "level", "logger", "timestamp"}


def test_the_record_holds_what_the_log_leaves_out(db: None, cast: Cast) -> None:
    thread = threads.submit(cast.rita, "leaky", {"request": CANARY})

    assert Thread.objects.get(id=thread.id).input == {"request": CANARY}
    assert Event.objects.filter(thread=thread, kind=EventKind.THREAD_SUBMITTED).exists()
