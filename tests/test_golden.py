"""Threads that releases have left behind are read, shown, carried on with and ended as those releases would have."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from approvals.models import Thread
from approvals.record.checking import Check
from tests.conftest import Cast
from tests.golden import rows
from tests.golden.cases import CASES
from tests.golden.told import told

GOLDEN = Path(__file__).resolve().parent / "golden"
CORPUS = sorted(GOLDEN.glob("*/*.jsonl.gz"))
OF_TODAY = {"events"}  # what a release writes down of what it does may grow


@pytest.fixture
def cast(db: None) -> Cast:
    return rows.people()


@pytest.fixture(params=CORPUS, ids=lambda path: f"{path.parent.name}-{path.name.partition('.')[0]}")
def written(request: pytest.FixtureRequest, cast: Cast, settings: Any) -> Path:
    settings.HOLDPOINT_RECORD_KEY = rows.RECORD_KEY
    path: Path = request.param
    rows.load(rows.read(path))
    return path


def expected(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path.parent / f"{name_of(path)}.json").read_text())
    return found


def name_of(path: Path) -> str:
    return path.name.partition(".")[0]


def plain(told: dict[str, Any]) -> Any:
    return json.loads(json.dumps({key: value for key, value in told.items() if key not in OF_TODAY}))


def test_a_thread_of_an_older_release_is_read_carried_on_with_and_ended(written: Path, cast: Cast) -> None:
    case, wanted = CASES[name_of(written)], expected(written)
    thread = Thread.objects.get(id=wanted["thread"])

    assert json.loads(json.dumps(told(thread, case.keys))) == wanted["before"]
    case.end(cast, thread)
    assert plain(told(thread, case.keys)) == plain(wanted["after"])


def test_its_pages_open_and_its_record_holds(written: Path, cast: Cast, client: Client) -> None:
    wanted = expected(written)
    client.force_login(cast.oscar)
    for page in ("", "history/"):
        answer = client.get(f"/t/{wanted['thread']}/{page}")
        assert answer.status_code == 200, page
    check = Check(thread=Thread.objects.get(id=wanted["thread"]).id, heads=[])
    assert [str(finding) for finding in check.findings()] == []
    assert check.lines == len(wanted["before"]["events"])


def test_every_way_a_thread_can_stand_is_in_each_release() -> None:
    versions = {path.parent for path in CORPUS}
    assert versions
    first = GOLDEN / "0.1.0"
    assert {name_of(path) for path in CORPUS if path.parent == first} == set(CASES)
    assert sum(path.stat().st_size for path in first.iterdir()) < 300_000
