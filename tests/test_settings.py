"""Wrong settings refuse to start, with a sentence that names the setting and says what to set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from approvals.checkpoint_settings import checkpoints_from_environment
from chains.checkpointers import BadPlace, Place


def start_with(**changes: str | None) -> str:
    """What is printed last when the settings are loaded with these changes; empty when they are accepted."""
    environment = {**os.environ, **{name: value for name, value in changes.items() if value is not None}}
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
    command = [sys.executable, "-c", "import approvals.settings"]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return finished.stderr.strip().splitlines()[-1] if finished.returncode else ""


def test_the_settings_of_the_tests_are_accepted() -> None:
    assert start_with() == ""


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"HOLDPOINT_SECRET_KEY": None}, "HOLDPOINT_SECRET_KEY is not set"),
        ({"HOLDPOINT_SECRET_KEY": "short"}, "HOLDPOINT_SECRET_KEY is too weak"),
        ({"HOLDPOINT_SECRET_KEY": "django-insecure-" + "x" * 40}, "HOLDPOINT_SECRET_KEY is too weak"),
        ({"DATABASE_URL": None}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "sqlite:///db.sqlite3"}, "DATABASE_URL is not PostgreSQL"),
        ({"REDIS_URL": None}, "REDIS_URL is not set"),
        ({"REDIS_URL": "memory://"}, "REDIS_URL is not a Redis address"),
        ({"HOLDPOINT_HOSTS": "*", "HOLDPOINT_LOCAL": "0"}, "HOLDPOINT_HOSTS holds '*'"),
        ({"HOLDPOINT_HOSTS": "approvals.example.org"}, "for this machine only"),
        ({"HOLDPOINT_LOCAL": "0", "HOLDPOINT_DEBUG": "1", "HOLDPOINT_HOSTS": "a.example.org"}, "for this machine only"),
        ({"HOLDPOINT_DEBUG": "perhaps"}, "HOLDPOINT_DEBUG is 'perhaps'. Set it to 1 or 0."),
        ({"HOLDPOINT_LEASE_SECONDS": "soon"}, "HOLDPOINT_LEASE_SECONDS is 'soon'"),
        ({"HOLDPOINT_LEASE_SECONDS": "0"}, "at least 1"),
        ({"HOLDPOINT_CHAINS": "refunds"}, "HOLDPOINT_CHAINS holds 'refunds'"),
        ({"HOLDPOINT_CHAIN_OPTIONS": "{"}, "HOLDPOINT_CHAIN_OPTIONS is not JSON"),
        ({"HOLDPOINT_CHAIN_OPTIONS": "[]"}, "HOLDPOINT_CHAIN_OPTIONS is not a JSON object"),
        ({"LANGGRAPH_STRICT_MSGPACK": "false"}, "LANGGRAPH_STRICT_MSGPACK is off"),
    ],
)
def test_a_wrong_setting_is_refused_in_words(changes: dict[str, str | None], sentence: str) -> None:
    assert sentence in start_with(**changes)


def test_away_from_this_machine_cookies_are_secure_and_pages_go_to_https() -> None:
    secure = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT")
    code = f"import approvals.settings as s; assert all(getattr(s, name) for name in {secure})"
    environment = {**os.environ, "HOLDPOINT_LOCAL": "0", "HOLDPOINT_HOSTS": "approvals.example.org"}

    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ("var/checkpoints.db", ("sqlite", "var/checkpoints.db")),
        ("/srv/checkpoints.db", ("sqlite", "/srv/checkpoints.db")),
        ("/srv/100%25.db", ("sqlite", "/srv/100%25.db")),
        ("custom.db", ("sqlite", "custom.db")),
        ("custom:package.module.saver", ("custom", "package.module.saver")),
        ("sqlite:////srv/checkpoints.db", ("sqlite", "/srv/checkpoints.db")),
        ("postgresql://u:p@127.0.0.1/name", ("postgres", "postgresql://u:p@127.0.0.1/name")),
        ("memory://", ("memory", "")),
    ],
)
def test_the_old_name_takes_a_path_or_whatever_the_new_one_takes(
    said: str, understood: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LANGGRAPH_CHECKPOINT_DB", said)
    by_name = Place.parse(checkpoints_from_environment())
    monkeypatch.delenv("LANGGRAPH_CHECKPOINT_DB")
    (tmp_path / "place").write_text(said)
    monkeypatch.setenv("LANGGRAPH_CHECKPOINT_DB_FILE", str(tmp_path / "place"))
    by_file = Place.parse(checkpoints_from_environment())

    assert (by_name.kind.value, by_name.target) == understood
    assert by_file == by_name


@pytest.mark.parametrize("said", ["custom:saver", "memory:", "sqlite:checkpoints.db"])
def test_the_old_name_makes_no_file_of_what_is_nearly_a_place(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_CHECKPOINT_DB", said)

    with pytest.raises(BadPlace, match="This is no place for checkpoints"):
        Place.parse(checkpoints_from_environment())
