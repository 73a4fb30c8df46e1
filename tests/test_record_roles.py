"""The roles that the documentation gives: the application works with fewer rights, and the auditor only reads."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from approvals import decisions
from approvals.models import Event, Verdict
from tests.conftest import Cast
from tests.record_desk import findings, pause
from tests.test_main_job import ballot

pytestmark = pytest.mark.django_db
OPERATORS = Path(__file__).resolve().parent.parent / "docs" / "operators.md"


@pytest.fixture
def roles(db: None) -> None:
    (block,) = re.findall(r"```sql\nBEGIN;\n(.*?)COMMIT;\n```", OPERATORS.read_text(), re.DOTALL)
    run("CREATE ROLE holdpoint_app; CREATE ROLE holdpoint_auditor;")
    run(block)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def is_refused(statement: str) -> bool:
    try:
        with transaction.atomic():
            run(statement)
    except DatabaseError as error:
        return "permission denied" in str(error)
    return False


def test_the_application_decides_and_can_change_nothing_that_was_written(cast: Cast, roles: None) -> None:
    _, question = pause(cast)
    run("SET LOCAL session_replication_role = replica; SET LOCAL ROLE holdpoint_app")

    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    for table in ("event", "vote", "policyversion"):
        assert is_refused(f"UPDATE approvals_{table} SET id = id")
    for table in ("event", "vote", "policyversion", "decision", "interrupt", "thread"):
        assert is_refused(f"DELETE FROM approvals_{table}")
        assert is_refused(f"TRUNCATE approvals_{table} CASCADE")
    run("RESET ROLE")
    assert findings() == []


def test_the_auditor_checks_and_writes_nothing(cast: Cast, roles: None, capsys: pytest.CaptureFixture[str]) -> None:
    pause(cast)
    run("SET LOCAL ROLE holdpoint_auditor")

    call_command("verify_record")

    assert "0 findings" in capsys.readouterr().out
    assert is_refused("INSERT INTO approvals_event SELECT * FROM approvals_event")
    run("RESET ROLE")
    assert not Event.objects.filter(kind="record.checked").exists()
