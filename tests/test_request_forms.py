"""The form of a request: files, and that nothing anybody typed is ever lost."""

import base64
import os
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client

from approvals import files, threads
from approvals.models import Thread
from tests.conftest import PASSWORD, Cast, work_off
from tests.posting import Page

PDF = b"%PDF-1.7\nan invoice"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
NEW = "/new/claims/"
SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def rita(client: Client, cast: Cast) -> Client:
    client.force_login(cast.rita)
    return client


def invoice(content: bytes = PDF, *, name: str = "invoice.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="application/pdf")


def sent(client: Client, **fields: Any) -> Any:
    return client.post(NEW, {"order": "ORD-1", "key": "k", **fields})


def again(answer: Any, **typed: Any) -> dict[str, Any]:
    """What a browser sends when the page that came back is sent once more; file inputs come back empty."""
    page = Page(answer.content.decode())
    kept = {name: page.posted().getlist(name) for name in page.posted() if name not in ("invoice", "photo")}
    return {**kept, **typed}


def only_file(folder: Path) -> Path:
    (found,) = (path for path in folder.rglob("*") if path.is_file())
    return found


def test_a_file_is_kept_under_a_name_nobody_can_guess_and_the_graph_gets_its_reference(
    rita: Client, folder: Path
) -> None:
    answer = sent(rita, invoice=invoice(name="../../My  invoice\u202efdp.PDF"))
    thread = Thread.objects.get()
    work_off(thread)

    assert answer.status_code == 303
    assert re.fullmatch(r"files/[0-9a-f]{32}/My__?invoicefdp\.PDF", thread.input["invoice"])
    assert only_file(folder).read_bytes() == PDF
    assert only_file(folder).stat().st_mode & 0o077 == 0
    assert files.read(thread.input["invoice"]) == PDF


def test_a_file_in_base64_arrives_as_its_content(rita: Client) -> None:
    sent(rita, invoice=invoice(), photo=SimpleUploadedFile("a.png", PNG))

    assert base64.b64decode(Thread.objects.get().input["photo"]) == PNG


def test_a_form_with_an_error_keeps_its_file(rita: Client, folder: Path) -> None:
    refused = sent(rita, order="x", invoice=invoice())
    html = refused.content.decode()

    assert refused.status_code == 422
    assert "Use at least 3 characters." in html
    assert "<b>invoice.pdf</b>" in html
    assert 'enctype="multipart/form-data"' in html
    assert rita.post(NEW, again(refused, order="ORD-1")).status_code == 303
    assert files.read(Thread.objects.get().input["invoice"]) == PDF
    only_file(folder)


def test_adding_a_row_keeps_the_file_too(rita: Client) -> None:
    drawn = sent(rita, invoice=invoice(), _add="lines")

    assert drawn.status_code == 200
    assert rita.post(NEW, again(drawn, **{"lines.0.sku": "A", "lines.0.quantity": "2"})).status_code == 303
    assert Thread.objects.get().input["lines"] == [{"sku": "A", "quantity": 2}]


def test_another_file_takes_the_place_of_the_first_and_an_optional_one_can_be_left_out(rita: Client) -> None:
    refused = sent(rita, order="x", invoice=invoice(), photo=SimpleUploadedFile("a.png", PNG))
    other = invoice(b"%PDF-2.0", name="other.pdf")
    rita.post(NEW, again(refused, order="ORD-1", invoice=other, **{"photo._drop": "on"}))
    thread = Thread.objects.get()

    assert thread.input["invoice"].endswith("/other.pdf")
    assert "photo" not in thread.input


def test_sending_the_same_form_twice_makes_one_request(rita: Client, folder: Path) -> None:
    first, second = sent(rita, invoice=invoice()), sent(rita, invoice=invoice())

    assert first["Location"] == second["Location"]
    only_file(folder)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "Choose a file."),
        (invoice(b""), "This file is empty."),
        (invoice(b"<script>"), "This is not a PDF file."),
        (invoice(PDF, name="invoice.exe"), "This is not a PDF file."),
        (invoice(PDF + bytes(5 * 1024 * 1024)), "This file is too large. At most 5 MB can be sent."),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_in_words(
    rita: Client, folder: Path, given: SimpleUploadedFile | None, sentence: str
) -> None:
    if given is not None:
        given.seek(0)
    answer = sent(rita, **({} if given is None else {"invoice": given}))

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not any(path.is_file() for path in folder.rglob("*"))


def test_the_size_a_schema_states_is_the_limit_and_the_settings_have_the_last_word(rita: Client, settings: Any) -> None:
    large = SimpleUploadedFile("a.png", PNG + bytes(1000))
    assert "At most 1000 bytes can be sent." in sent(rita, invoice=invoice(), photo=large).content.decode()

    settings.HOLDPOINT_LARGEST_FILE = 10
    assert "At most 10 bytes can be sent." in sent(rita, invoice=invoice()).content.decode()


def test_nobody_can_put_anothers_file_into_their_form(client: Client, cast: Cast) -> None:
    client.force_login(cast.rita)
    theirs = again(sent(client, order="x", invoice=invoice()))
    cast.alice.groups.set(cast.rita.groups.all())
    client.force_login(cast.alice)

    for ticket in (theirs["invoice._file"], "files/x/y", "garbage"):
        answer = client.post(NEW, {"order": "ORD-1", "key": "other", "invoice._file": ticket})
        assert answer.status_code == 422
        assert "Choose it again." in answer.content.decode()


def test_a_file_is_saved_by_those_who_may_see_the_thread_and_shown_to_nobody(client: Client, cast: Cast) -> None:
    client.force_login(cast.rita)
    sent(client, invoice=invoice())
    thread = Thread.objects.get()
    address = f"/t/{thread.id}/{thread.input['invoice']}"
    own = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
    answer = client.get(address)

    assert answer.content == PDF
    assert answer["Content-Disposition"] == 'attachment; filename="invoice.pdf"'
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]
    assert f'href="{address}"' in client.get(f"/t/{thread.id}/").content.decode()
    assert client.get(f"/t/{own.id}/{thread.input['invoice']}").status_code == 404
    client.force_login(cast.mallory)
    assert client.get(address).status_code == 404
    client.logout()
    assert client.get(address).status_code == 302


def test_who_was_signed_out_meanwhile_finds_the_form_filled_in_after_signing_in(client: Client, cast: Cast) -> None:
    client.force_login(cast.rita)
    drawn = client.get(NEW)
    client.logout()

    typed = again(drawn, order="ORD-77", pin="secret-4711", invoice=invoice())
    answer = client.post(NEW, typed)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={NEW}")
    assert "secret-4711" not in str(dict(client.session))
    client.post(answer["Location"], {"username": "rita", "password": PASSWORD, "next": NEW})
    html = client.get(NEW).content.decode()

    assert 'value="ORD-77"' in html
    assert "<b>invoice.pdf</b>" in html
    assert "what you had typed before you were signed out" in html
    assert client.post(NEW, again(client.get(NEW))).status_code == 303
    assert "ORD-77" not in client.get(NEW).content.decode()


def test_what_one_person_typed_is_not_shown_to_another(client: Client, cast: Cast) -> None:
    cast.alice.groups.set(cast.rita.groups.all())
    client.force_login(cast.rita)
    typed = again(client.get(NEW), order="ORD-77")
    client.logout()
    client.post(NEW, typed)
    client.force_login(cast.alice)

    assert "ORD-77" not in client.get(NEW).content.decode()


def test_a_stranger_cannot_leave_anything_in_a_session(client: Client, cast: Cast) -> None:
    client.post(NEW, {"order": "ORD-77", "by": "forged"})

    assert not client.session.items()


def test_a_form_older_than_the_sign_in_comes_back_filled_in(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.rita)
    typed = again(client.get(NEW), order="ORD-77", csrfmiddlewaretoken="of-another-time")
    answer = client.post(NEW, typed)

    assert (answer.status_code, answer["Location"]) == (303, NEW)
    assert 'value="ORD-77"' in client.get(NEW).content.decode()
    assert not Thread.objects.exists()
    assert client.post("/me/", {"theme": "dark"}).status_code == 403


def test_an_error_of_ours_gives_the_form_back(rita: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(threads, "submit", away)
    answer = sent(rita, order="ORD-77", invoice=invoice())

    assert answer.status_code == 503
    assert "Nothing is lost" in answer.content.decode()
    assert 'value="ORD-77"' in answer.content.decode()


def test_a_form_that_was_sent_before_comes_back_with_a_new_key(rita: Client) -> None:
    sent(rita, invoice=invoice())
    answer = sent(rita, order="ORD-2", invoice=invoice())

    assert answer.status_code == 409
    assert 'value="ORD-2"' in answer.content.decode()
    assert again(answer)["key"] != ["k"]
    assert rita.post(NEW, again(answer)).status_code == 303


def test_a_secret_is_never_sent_back(rita: Client) -> None:
    answer = sent(rita, order="x", pin="secret-4711")

    assert answer.status_code == 422
    assert "secret-4711" not in answer.content.decode()


def test_only_files_that_no_thread_has_are_thrown_away_and_only_after_a_day(rita: Client, folder: Path) -> None:
    sent(rita, order="x", invoice=invoice(name="abandoned.pdf"))
    sent(rita, invoice=invoice(name="sent.pdf"), key="other")
    call_command("tidy_files", stdout=StringIO())
    names = {path.name for path in folder.rglob("*.pdf")}
    for path in folder.rglob("*.pdf"):
        os.utime(path, (path.stat().st_mtime - 90_000,) * 2)
    call_command("tidy_files", stdout=StringIO())

    assert names == {"abandoned.pdf", "sent.pdf"}
    assert [path.name for path in folder.rglob("*.pdf")] == ["sent.pdf"]
    assert len(list((folder / "files").iterdir())) == 1


def test_a_form_whose_file_was_kept_too_long_asks_for_it_again(rita: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = sent(rita, order="x", invoice=invoice())
    monkeypatch.setattr(files, "HELD_FOR", timedelta(seconds=-1))

    assert "Choose it again." in rita.post(NEW, again(refused, order="ORD-1")).content.decode()
