"""Figures for Prometheus: true ones, for those who have the token, and few enough; and what is made of them loads."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from django.db import connection
from django.test import Client, override_settings
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import InvalidStatus

from approvals import threads
from approvals.embedded.processes import free_port
from approvals.models import Interrupt, Thread, ThreadStatus
from approvals.watch import counters, exposition, rows
from tests.conftest import Cast, open_question, work_off
from tests.stack import ROOT, Stack
from tests.test_http_race import client_of, form
from tests.test_socket import socket_of
from tests.waiting import eventually, until_status

TOKEN = "a-token-of-some-length"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
WATCHING = ROOT / "docs" / "watching"
REQUEST = {"request": "Kanarienvogel"}
ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}|[0-9a-f]{16}")
NOT_METRICS = {"job", "instance"}

Families = dict[str, Metric]


def families(text: str) -> Families:
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(found: Families, family: str, name: str = "", **labels: str) -> float:
    wanted = name or family
    return sum(
        one.value for one in found[family].samples if one.name == wanted and labels.items() <= one.labels.items()
    )


def read(url: str) -> Families:
    answer = httpx.get(url, headers=BEARER, timeout=10)
    assert answer.status_code == 200
    return families(answer.text)


@pytest.fixture
def ran(stack: Stack, cast: Cast) -> tuple[Families, Families, Thread]:
    """What web and worker say after a request that paused, was decided, and failed; with a refused second decision."""
    port = str(free_port())
    stack.start_web(HOLDPOINT_METRICS_TOKEN=TOKEN)
    stack.start_worker(HOLDPOINT_METRICS_TOKEN=TOKEN, HOLDPOINT_METRICS_PORT=port)
    thread = threads.submit(cast.rita, "leaky", REQUEST)
    until_status(thread, ThreadStatus.PAUSED)
    question = open_question(thread)
    before = read(f"{stack.url}/metrics")
    assert value(before, "holdpoint_questions_open", chain="leaky") == 1
    assert value(before, "holdpoint_threads", chain="leaky", state="paused") == 1
    web = client_of(stack, cast.alice)
    path = f"/interrupts/{question.id}/decision/"
    assert web.post(path, data=form(question)).is_success
    until_status(thread, ThreadStatus.FAILED)
    assert web.post(path, data=form(question)).status_code == 409
    eventually(lambda: value(read(f"{stack.url}/metrics"), "holdpoint_threads", state="failed") == 1, what="a new look")
    return read(f"{stack.url}/metrics"), read(f"http://127.0.0.1:{port}/metrics"), thread


def test_after_a_real_run_the_figures_are_true_and_every_rule_and_panel_finds_its_own(
    ran: tuple[Families, Families, Thread],
) -> None:
    web, worker, thread = ran

    assert value(web, "holdpoint_questions_open", chain="leaky") == 0
    assert value(web, "holdpoint_decisions_last_day", chain="leaky") == 1
    assert 0 < value(web, "holdpoint_time_to_decision_seconds", chain="leaky", quantile="0.5") < 60
    assert value(web, "holdpoint_decisions_refused", "holdpoint_decisions_refused_total", code="already_decided") == 1
    assert value(web, "holdpoint_http_requests", "holdpoint_http_requests_total", view="decision", status="409") == 1
    assert value(web, "holdpoint_check", check="worker") == 1
    ended = {(one.labels["kind"], one.labels["state"]) for one in worker["holdpoint_runs_ended"].samples}
    assert ended == {("start", "paused"), ("resume", "failed")}
    assert value(worker, "holdpoint_run_seconds", "holdpoint_run_seconds_count", chain="leaky") == 2
    writes = value(worker, "holdpoint_checkpoint_seconds", "holdpoint_checkpoint_seconds_count", operation="checkpoint")
    assert writes == _checkpoints(thread)
    written = value(worker, "holdpoint_checkpoint_bytes", "holdpoint_checkpoint_bytes_total", operation="writes")
    assert written == _bytes_of_writes(thread)
    assert value(worker, "holdpoint_lock_seconds", "holdpoint_lock_seconds_count") == 2
    assert value(worker, "holdpoint_sweep_seconds", "holdpoint_sweep_seconds_count", part="doorbells") > 0
    assert "holdpoint_threads" not in worker

    for found in (web, worker):
        for sample in (sample for family in found.values() for sample in family.samples):
            assert not any(ID.search(label) for label in sample.labels.values()), sample
            assert "Kanarienvogel" not in str(sample)
    known = _known(web) | _known(worker)
    for expression in _expressions():
        _check(expression, known)


def _checkpoints(thread: Thread) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM checkpoints WHERE thread_id = %s", (str(thread.id),))
        return int(cursor.fetchone()[0])


def _bytes_of_writes(thread: Thread) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(length(blob)) FROM checkpoint_writes WHERE thread_id = %s", (str(thread.id),))
        return int(cursor.fetchone()[0])


def _known(found: Families) -> dict[str, set[str]]:
    """The labels of each name that a query can ask for."""
    names: dict[str, set[str]] = {}
    for family in found.values():
        labels = {label for one in family.samples for label in one.labels}
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        names |= {f"{family.name}{ending}": labels for ending in endings}
    return names


def _expressions() -> list[str]:
    rules = yaml.safe_load((WATCHING / "alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((WATCHING / "dashboard.json").read_text())["panels"]
    shown = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert len(rules) >= 15
    assert len(shown) >= 30
    return [*(rule["expr"] for rule in rules), *shown]


def _check(expression: str, known: dict[str, set[str]]) -> None:
    """Names and labels that exist, and brackets that close; promtool, where there is one, checks the rest."""
    found = re.findall(r"\b((?:holdpoint|process)_[a-z_]+)(?:\{([^}]*)\})?", expression)
    assert found, expression
    for name, selector in found:
        assert name in known, f"{name} in {expression}"
        asked = set(re.findall(r"([a-z_]+)\s*[=!]", re.sub(r'"[^"]*"', '""', selector))) - NOT_METRICS
        assert not known[name] or asked <= known[name], expression
    labels = {label for names in re.findall(r"by \(([^)]*)\)", expression) for label in names.split(", ")}
    assert not all(known[name] for name, _ in found) or labels <= set().union(*(known[name] for name, _ in found))
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing), expression


@pytest.mark.skipif(not shutil.which(os.environ.get("PROMTOOL") or "promtool"), reason="promtool is not installed")
def test_prometheus_itself_takes_rules_queries_and_figures(
    ran: tuple[Families, Families, Thread], tmp_path: Path
) -> None:
    promtool = shutil.which(os.environ.get("PROMTOOL") or "promtool") or ""
    panels = json.loads((WATCHING / "dashboard.json").read_text())["panels"]
    shown = [target["expr"].replace("$chain", "x") for panel in panels for target in panel.get("targets", [])]
    records = [{"record": f"panel_{number}", "expr": expr} for number, expr in enumerate(shown)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))

    for file in (WATCHING / "alerts.yml", tmp_path / "panels.yml"):
        ended = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_dashboard_is_one_that_grafana_can_read() -> None:
    board: dict[str, Any] = json.loads((WATCHING / "dashboard.json").read_text())

    assert board["title"] == "Holdpoint"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert panel["type"] in {"row", "stat", "timeseries"}
    assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource", "chain"}


def test_every_alert_says_what_to_do_in_the_docs() -> None:
    rules = yaml.safe_load((WATCHING / "alerts.yml").read_text())["groups"][0]["rules"]
    docs = (ROOT / "docs" / "watching.md").read_text()

    for rule in rules:
        assert f"`{rule['alert']}`" in docs, rule["alert"]
        assert rule["annotations"]["summary"]


def test_every_figure_is_explained_in_the_docs(db: None) -> None:
    found = families(exposition.text(with_rows=True).decode())
    docs = (ROOT / "docs" / "watching.md").read_text()

    assert [name for name in found if name.startswith("holdpoint_") and f"`{name}" not in docs] == []


def test_without_a_token_there_is_no_such_address_for_anybody(db: None, cast: Cast) -> None:
    client = Client()
    client.force_login(cast.oscar)

    assert client.get("/metrics", headers=BEARER).status_code == 404


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        ("", 401),
        (TOKEN, 401),
        ("Bearer ", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer ключ", 401),
    ],
)
def test_only_the_very_token_opens_and_no_session_does(cast: Cast, header: str, status: int) -> None:
    client = Client()
    client.force_login(cast.oscar)
    with override_settings(HOLDPOINT_METRICS_TOKEN=TOKEN):
        answer = client.get("/metrics", headers={"Authorization": header})

    assert answer.status_code == status
    assert (b"holdpoint_" in answer.content) == (status == 200)


def test_a_worker_s_port_asks_for_the_token_too(stack: Stack) -> None:
    port = str(free_port())
    stack.start_worker(HOLDPOINT_METRICS_TOKEN=TOKEN, HOLDPOINT_METRICS_PORT=port)

    assert httpx.get(f"http://127.0.0.1:{port}/metrics").status_code == 401
    assert httpx.get(f"http://127.0.0.1:{port}/", headers=BEARER).status_code == 404
    assert httpx.get(f"http://127.0.0.1:{port}/metrics", headers=BEARER).status_code == 200


def test_a_socket_is_counted_while_it_is_open(stack: Stack, cast: Cast) -> None:
    stack.start_web(HOLDPOINT_METRICS_TOKEN=TOKEN)

    def opened() -> float:
        return value(read(f"{stack.url}/metrics"), "holdpoint_sockets", kind="changes")

    with socket_of(stack, cast.alice):
        eventually(lambda: opened() == 1, what="counted")
    with pytest.raises(InvalidStatus), socket_of(stack, None):
        """Nobody is let in without signing in."""
    eventually(lambda: opened() == 0, what="closed, and one that was never open not taken off")


def test_processes_that_share_a_directory_are_counted_together(stack: Stack, cast: Cast, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    settings = {"HOLDPOINT_METRICS_TOKEN": TOKEN, "HOLDPOINT_METRICS_DIR": str(shared)}
    stack.start_web(**settings)
    stack.start_worker(pool="prefork", concurrency=2, **settings)
    first, second = (threads.submit(cast.rita, "leaky", REQUEST) for _ in range(2))
    until_status(first, ThreadStatus.PAUSED)
    until_status(second, ThreadStatus.PAUSED)
    (shared / "gauge_livesum_999999.db").touch()  # as a process leaves it that was killed

    found = read(f"{stack.url}/metrics")
    name = "holdpoint_runs_ended_total"
    assert value(found, "holdpoint_runs_ended", name, chain="leaky", kind="start", state="paused") == 2
    assert value(found, "holdpoint_threads", chain="leaky", state="paused") == 2
    assert not (shared / "gauge_livesum_999999.db").exists()


def test_a_database_that_does_not_answer_keeps_no_figure_of_the_process_back(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposition, "_rows", rows.Rows())
    monkeypatch.setattr(rows, "THREADS", "SELECT pg_sleep(5), %s::text[], 1")
    monkeypatch.setattr(rows, "STATEMENT", 0.2)
    found = families(exposition.text(with_rows=True).decode())

    assert value(found, "holdpoint_rows_readable") == 0
    assert "holdpoint_threads" not in found
    assert "holdpoint_http_requests" in found


def test_values_of_a_label_are_few_whatever_comes() -> None:
    few = counters.Few()
    told = {few.of(f"model-{number}") for number in range(1000)}

    assert len(told) == counters.MOST_VALUES + 1
    assert counters.OTHER in told
    assert few.of("model-3") == "model-3"


# Of every request of years: its thread, its run, its doorbell, its question and the decision, all settled long ago.
YEARS = """
WITH old AS (SELECT gen_random_uuid() AS thread, gen_random_uuid() AS run, gen_random_uuid() AS asked,
             number, now() - interval '1 year' - number * interval '1 minute' AS at
             FROM generate_series(1, 5000) AS number),
threads AS (INSERT INTO approvals_thread SELECT (jsonb_populate_record(row, jsonb_build_object(
    'id', old.thread, 'status', 'done', 'last_activity_at', at))).* FROM approvals_thread row, old),
runs AS (INSERT INTO approvals_run SELECT (jsonb_populate_record(row, jsonb_build_object(
    'id', old.run, 'thread_id', old.thread, 'status', 'succeeded', 'not_before', at, 'finished_at', at))).*
    FROM approvals_run row, old WHERE row.kind = 'start'),
doorbells AS (INSERT INTO approvals_outbox SELECT (jsonb_populate_record(row, jsonb_build_object(
    'id', -number, 'key', old.run, 'due_at', at, 'settled_at', at))).* FROM approvals_outbox row, old),
questions AS (INSERT INTO approvals_interrupt SELECT (jsonb_populate_record(row, jsonb_build_object(
    'id', old.asked, 'thread_id', old.thread, 'status', 'applied', 'created_at', at))).*
    FROM approvals_interrupt row, old)
INSERT INTO approvals_decision (interrupt_id, payload_sha256, verdict, answer, note, decided_by_name, decided_via,
    decided_at, void_reason)
SELECT old.asked, row.payload_sha256, 'approve', '{}', '', 'The policy', 'policy', at, ''
FROM approvals_interrupt row, old
"""


def test_the_queries_stay_on_indexes_when_there_are_years_of_rows(cast: Cast, paused: Thread) -> None:
    assert Interrupt.objects.open().filter(thread=paused).exists()
    work_off(paused)
    with connection.cursor() as cursor:
        # An index keeps the size that tests before this one gave it, which here may be more than the table's.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(YEARS)
        for table in ("thread", "run", "interrupt", "decision", "outbox"):
            cursor.execute(f"ANALYZE approvals_{table}")
        plans = {}
        for name in ("RUNS", "QUEUE_AGE", "QUESTIONS", "OUTBOX", "TIME_TO_DECISION"):
            cursor.execute(f"EXPLAIN {getattr(rows, name)}")
            plans[name] = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute(f"EXPLAIN {rows.THREADS}", ([*rows.UNDER_WAY],))
        plans["THREADS"] = "\n".join(line for (line,) in cursor.fetchall())

    for name, indexes in {
        "RUNS": ["one_live_run_per_thread"],
        "QUEUE_AGE": ["runs_due", "one_live_run_per_thread"],  # neither has runs that ended
        "QUESTIONS": ["open_", "one_pending_row_per_interrupt"],  # nor these questions that are over
        "OUTBOX": ["outbox_due"],
        "TIME_TO_DECISION": ["decisions_newest_first"],
        "THREADS": ["threads_by_status"],
    }.items():
        assert any(index in plans[name] for index in indexes), plans[name]
        assert "Seq Scan" not in plans[name], plans[name]
        assert all(int(read) < 100 for read in re.findall(r"Scan using .* rows=(\d+)", plans[name])), plans[name]
