"""Taking the record out: whole, noted, and harmless in a spreadsheet."""

import csv
import io
import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from approvals.models import Event, EventKind, Thread
from approvals.models.event import DESK
from approvals.record.cells import safe_cell, text_of
from approvals.record.export import COLUMNS
from approvals.views import exports
from tests.browser import OpenPageFor
from tests.conftest import PASSWORD, Cast
from tests.record_desk import findings, pause
from tests.waiting import run_apart

SIGNS = "=+-@\t\r\n＝＋－＠﹦﹢﹣﹫−⁼₊'; |\u00a0\ufeff\u200b1A(\""
HOSTILE = (
    "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", "＝1+1", "＋1", "－1", "＠x", "−1",
    " =1", "\u00a0=1", "\ufeff=1", "\u200b=1", "'=1", "''=1", "a;=1", "a|=1", "a\n=1", "a\t+1", 'a";=1',
)  # fmt: skip
FORMULA = re.compile(r"[\s\x00-\x20\u00a0\ufeff\u200b]*[=+\-@＝＋－＠﹦﹢﹣﹫−⁼₊]")


def begins_formula(cell: str) -> bool:
    """As a spreadsheet sees it that also takes semicolons, bars, tabs or line ends for the end of a cell."""
    return cell[:1] in ("\t", "\r") or any(FORMULA.match(part) for part in re.split(r"[;|\t\r\n]", cell))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_spreadsheets_take_for_a_formula_is_none_and_can_be_read_back(text: str) -> None:
    assert begins_formula(text) or text.startswith("'")
    assert not begins_formula(safe_cell(text))
    assert text_of(safe_cell(text)) == text


@given(st.text(st.sampled_from(SIGNS), max_size=8) | st.text(max_size=30))
def test_any_text_is_harmless_and_can_be_read_back(text: str) -> None:
    assert not begins_formula(safe_cell(text))
    assert text_of(safe_cell(text)) == text


@pytest.fixture
def hostile(cast: Cast) -> Thread:
    cast.rita.first_name, cast.rita.last_name = "=1+1;=2", "@SUM"
    cast.rita.save()
    thread = Thread.submit(chain="=chain", version="1", title='\t=cmd|"x"\r\n+1', values={}, by=cast.rita)
    for text in HOSTILE:
        Event.append(thread, EventKind.STOP_REQUESTED, by=cast.rita, reason=text, amount=1.5)
    return thread


def exported(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_record", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.mark.django_db
def test_csv_read_back_gives_the_rows(hostile: Thread) -> None:
    heading, *rows = csv.reader(io.StringIO(exported("--format=csv"), newline=""), strict=True)

    assert tuple(heading) == COLUMNS
    assert [row for row in rows if any(map(begins_formula, row))] == []
    events = list(Event.objects.filter(thread=hostile).order_by("seq"))
    assert [json.loads(row[COLUMNS.index("data")]) for row in rows] == [event.data for event in events]
    names = {text_of(row[COLUMNS.index("person")]) for row in rows}
    titles = {text_of(row[COLUMNS.index("title")]) for row in rows}
    assert (names, titles) == ({"=1+1;=2 @SUM"}, {hostile.title})
    assert [row[COLUMNS.index("mac")] for row in rows] == [event.mac for event in events]


@pytest.mark.django_db
def test_an_export_is_in_the_record_with_its_filters_and_the_hash_of_the_file(cast: Cast, tmp_path: Path) -> None:
    thread, _ = pause(cast)
    file = tmp_path / "record.jsonl"

    exported(f"--out={file}", f"--thread={thread.id}", "--person=rita")

    (line,) = file.read_text().splitlines()
    assert json.loads(line)["person"] == "Rita Sen"
    (noted,) = Event.objects.filter(thread_id=DESK)
    assert noted.kind == EventKind.RECORD_EXPORTED
    assert noted.data["filters"] == {"thread": str(thread.id), "person": "rita"}
    assert (noted.data["rows"], noted.data["sha256"]) == (1, sha256(file.read_bytes()).hexdigest())
    assert findings() == []
    with pytest.raises(CommandError, match="there already"):
        exported(f"--out={file}")


@pytest.mark.django_db
def test_it_is_narrowed_by_date_chain_and_person(cast: Cast) -> None:
    thread, _ = pause(cast)
    other = Thread.submit(chain="other", version="1", title="Other", values={}, by=cast.rita)
    Event.append(other, EventKind.THREAD_SUBMITTED, by=cast.rita)
    today = f"{thread.created_at:%Y-%m-%d}"

    def lines(*arguments: str) -> int:
        return len(exported(*arguments).splitlines())

    assert lines("--chain=other") == 1
    assert lines("--chain=prompt_chain", "--person=Rita") == 1
    assert lines(f"--from={today}", f"--to={today}", "--chain=prompt_chain") == 2
    assert lines("--from=2999-01-01") == lines("--to=2001-01-01") == lines("--person=nobody") == 0
    with pytest.raises(CommandError, match="is no date"):
        exported("--from=2026-02-30")


@pytest.mark.django_db
def test_operators_take_it_out_of_the_page_and_nobody_else(cast: Cast, hostile: Thread, client: Client) -> None:
    client.force_login(cast.alice)
    assert client.post("/decisions/export/", {"format": "csv"}).status_code == 403
    assert "Take out the record" not in client.get("/decisions/").content.decode()
    client.force_login(cast.oscar)
    assert "Take out the record" in client.get("/decisions/").content.decode()
    assert client.post("/decisions/export/", {"format": "csv", "from": "nonsense"}).status_code == 422
    assert client.post("/decisions/export/", {"format": "xls"}).status_code == 422
    assert not Event.objects.filter(thread_id=DESK).exists()

    answer: Any = client.post("/decisions/export/", {"format": "jsonl", "thread": str(hostile.id)})

    content = answer.getvalue()
    (noted,) = Event.objects.filter(thread_id=DESK)
    assert (noted.actor_name, noted.data["rows"]) == ("Oscar Lind", len(HOSTILE))
    assert noted.data["sha256"] == sha256(content).hexdigest() == answer["X-Record-SHA256"]
    assert answer["Content-Disposition"].startswith('attachment; filename="holdpoint-record-')


def test_a_large_file_is_sent_piece_by_piece_under_asgi() -> None:
    async def pieces() -> list[int]:
        request = ASGIRequest({"type": "http", "method": "POST", "path": "/", "headers": []}, io.BytesIO())
        streamed: Any = exports._streamed(request, io.BytesIO(b"x" * 200_000))
        return [len(piece) async for piece in streamed]

    sizes = run_apart(pieces())

    assert (len(sizes), sum(sizes)) == (4, 200_000)


def test_the_button_saves_the_very_file_that_the_record_names(
    page_for: OpenPageFor, cast: Cast, paused: Thread
) -> None:
    page = page_for("oscar", password=PASSWORD, path="/decisions/").page

    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()

    noted = Event.objects.get(thread_id=DESK, kind=EventKind.RECORD_EXPORTED)
    assert noted.data["sha256"] == sha256(download.value.path().read_bytes()).hexdigest()
    assert download.value.suggested_filename.endswith(".csv")
