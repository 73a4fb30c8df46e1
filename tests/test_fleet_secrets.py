"""Secrets out of files: one way for all of them, and a sentence for whatever is wrong with one."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from approvals import environment
from tests.test_settings import start_with


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What NAME_FILE names."""
    monkeypatch.delenv("NAME", raising=False)
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "secret"))
    (tmp_path / "secret").write_text("  from a file\n")
    return tmp_path / "secret"


def test_a_secret_is_read_from_its_file_without_space_around_it(file: Path) -> None:
    assert environment.secret("NAME") == "from a file"


def test_two_places_for_one_secret_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "another")

    with pytest.raises(ImproperlyConfigured, match="NAME and NAME_FILE are both set"):
        environment.secret("NAME")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "NAME_FILE names a file that cannot be read"), (b" \n", "an empty file"), (b"\xff", "cannot be read")],
)
def test_a_file_that_holds_no_secret_is_refused(file: Path, content: bytes | None, sentence: str) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)

    with pytest.raises(ImproperlyConfigured, match=sentence):
        environment.secret("NAME", "a default")


def test_a_password_by_itself_is_put_into_the_address(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("p@ss:w/rd")
    monkeypatch.setenv("ADDRESS", "postgresql://holdpoint@db.example.org:5432/desk")

    found = environment.address("ADDRESS", password="NAME")
    assert found == "postgresql://holdpoint:p%40ss%3Aw%2Frd@db.example.org:5432/desk"
    monkeypatch.setenv("ADDRESS", "redis://db.example.org/0")
    assert environment.address("ADDRESS", password="NAME") == "redis://:p%40ss%3Aw%2Frd@db.example.org/0"
    monkeypatch.setenv("ADDRESS", "postgresql://holdpoint:inside@db.example.org/desk")
    with pytest.raises(ImproperlyConfigured, match="Take it out of ADDRESS"):
        environment.address("ADDRESS", password="NAME")


@pytest.mark.parametrize("name", ["HOLDPOINT_SECRET_KEY", "HOLDPOINT_RECORD_KEY", "DATABASE_URL", "REDIS_URL"])
def test_every_secret_may_be_in_a_file(name: str, tmp_path: Path) -> None:
    named = {name: None, f"{name}_FILE": str(tmp_path / "none")}

    assert f"{name}_FILE names a file that cannot be read" in start_with(**named)
