"""What failed: where and why in words, the ways out, and a list to retry many at once."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from approvals import threads
from approvals.inspection import NodeFailure
from approvals.models import Effect, Event, EventKind, Run, RunStatus, Thread, ThreadStatus
from approvals.views import failed, paging
from tests.conftest import Cast, work_off
from tests.test_main_job import values


@pytest.fixture
def oscar(client: Client, cast: Cast) -> Client:
    client.force_login(cast.oscar)
    return client


@pytest.fixture
def missing(tmp_path: Path) -> Path:
    """The graph `failing` fails for as long as this is not there."""
    return tmp_path / "missing"


@pytest.fixture
def broken(cast: Cast, missing: Path) -> Thread:
    return fail(cast, missing)


def fail(cast: Cast, missing: Path) -> Thread:
    thread = threads.submit(cast.rita, "failing", {"effects": str(missing)})
    work_off(thread)
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.FAILED
    return thread


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_the_page_names_the_step_and_the_ways_out(oscar: Client, broken: Thread) -> None:
    html = text(oscar, f"/t/{broken.id}/")

    assert "It failed at Only" in html
    assert "No such file or directory" in html
    for way in ("Retry", "Edit and retry", "Go back to a step", "End this request"):
        assert way in html


def test_the_error_in_full_is_for_operators(oscar: Client, broken: Thread, cast: Cast, client: Client) -> None:
    html = text(oscar, f"/t/{broken.id}/")
    assert "The error in full, for operators" in html
    assert "<code>FileNotFoundError</code>" in html

    for person in (cast.alice, cast.rita):
        client.force_login(person)
        assert "in full" not in text(client, f"/t/{broken.id}/")


def test_a_failed_request_is_edited_and_retried_in_one_go(oscar: Client, broken: Thread, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("read")
    page = text(oscar, f"/t/{broken.id}/")
    start = page.index("/replay/") + len("/replay/")
    checkpoint = page[start : page.index("/", start)]

    fields = {"view": "json", "values": f'{{"effects": "{there}"}}', "confirmed": "1", "reason": "Wrong file."}
    assert oscar.post(f"/t/{broken.id}/replay/{checkpoint}/", fields).status_code == 303
    work_off(broken)

    broken.refresh_from_db()
    assert (broken.status, values(broken)["log"]) == (ThreadStatus.DONE, ["read"])


def test_the_list_holds_what_failed_and_why(oscar: Client, broken: Thread, paused: Thread) -> None:
    html = text(oscar, "/failed/")

    assert f'data-row="{broken.id}"' in html
    assert f'data-row="{paused.id}"' not in html
    assert "FileNotFoundError" in html
    assert "No such file or directory" in html
    assert "No match" in text(oscar, "/failed/?q=zzz")
    assert f'data-row="{broken.id}"' not in text(oscar, "/failed/?chain=prompt_chain")


def test_many_are_retried_each_on_its_own(oscar: Client, cast: Cast, missing: Path) -> None:
    first, second, busy = (fail(cast, missing) for _ in range(3))
    threads.carry_on(cast.alice, busy.id)
    missing.write_text("there now")

    chosen = {"thread": [str(first.id), str(second.id), str(busy.id), "nonsense"], "reason": "The file is there."}
    answer = oscar.post("/failed/", chosen)

    html = answer.content.decode()
    assert "2 retried, 1 not" in html
    assert "This cannot be done now: waiting to start." in html
    for thread in (first, second):
        work_off(thread)
        thread.refresh_from_db()
        assert thread.status == ThreadStatus.DONE
        assert Event.objects.get(thread=thread, kind=EventKind.RUN_REQUESTED).data["reason"] == "The file is there."
    assert Run.objects.filter(thread=busy).count() == 2


def test_a_call_in_doubt_is_not_retried_in_bulk(oscar: Client, broken: Thread) -> None:
    run = Run.objects.get(thread=broken)
    Effect.objects.create(thread=broken, run=run, key="k", name="pay", node="only", is_idempotent=False)

    answer = oscar.post("/failed/", {"thread": str(broken.id)}, HTTP_ACCEPT="application/json").json()

    assert answer["retried"] == []
    assert "Nobody knows whether an outside call" in answer["refused"][0]["message"]


def test_programs_get_the_result_as_json(oscar: Client, broken: Thread, missing: Path) -> None:
    def retry() -> Any:
        return oscar.post("/failed/", {"thread": str(broken.id)}, HTTP_ACCEPT="application/json").json()

    assert retry() == {"retried": [str(broken.id)], "refused": []}
    assert retry()["refused"][0]["thread"] == str(broken.id)
    assert oscar.post("/failed/", {}).status_code == 422


def test_who_sees_the_list_and_what_they_may_retry(broken: Thread, cast: Cast, client: Client) -> None:
    for person, status in ((cast.rita, 403), (cast.mallory, 403), (cast.alice, 200), (cast.oscar, 200)):
        client.force_login(person)
        assert client.get("/failed/").status_code == status
        assert ('href="/failed/"' in text(client, "/me/")) is (status == 200)
    client.force_login(cast.rita)
    client.post("/failed/", {"thread": str(broken.id)})
    broken.refresh_from_db()
    assert broken.status == ThreadStatus.FAILED


def test_the_list_goes_on_where_the_page_ended(
    oscar: Client, cast: Cast, missing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [str(fail(cast, missing).id) for _ in range(3)]
    monkeypatch.setattr(failed, "page_of", lambda rows, **key: paging.page_of(rows, **key, size=2))

    first = text(oscar, "/failed/")
    start = first.index('href="?after=') + len('href="')
    second = text(oscar, f"/failed/{first[start : first.index(chr(34), start)]}")

    assert [row for row in made if f'data-row="{row}"' in first] == made[1:]
    assert [row for row in made if f'data-row="{row}"' in second] == made[:1]


def test_a_request_that_waits_for_its_own_retry_says_when_and_how_often(
    oscar: Client, cast: Cast, tmp_path: Path
) -> None:
    (tmp_path / "weather").write_text("bad")
    thread = threads.submit(cast.rita, "shaky", {"weather": str(tmp_path / "weather")})
    work_off(thread)

    html = text(oscar, f"/t/{thread.id}/")
    assert "Tries again" in html
    assert "Retry 1 of 4" in html
    assert "The line is down." in html
    assert f'data-row="{thread.id}"' not in text(oscar, "/failed/")
    assert Run.objects.get(thread=thread).status == RunStatus.PENDING


def test_a_step_inside_another_is_named_with_it(oscar: Client, broken: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = NodeFailure("billing › charge_card", "ValueError", "no such card")
    monkeypatch.setattr("approvals.inspection.failures_of", lambda thread: [inner])

    html = text(oscar, f"/t/{broken.id}/")

    assert "It failed at <bdi>Billing › Charge card</bdi>" in html
    assert "no such card" in html
