"""An honest record verifies, whatever was written into it and whoever has gone since."""

import pytest

from approvals.models import Event
from tests.conftest import Cast
from tests.record_desk import every_kind, findings

pytestmark = pytest.mark.django_db


def test_a_record_of_everything_that_can_happen_verifies(cast: Cast) -> None:
    every_kind(cast)

    assert [str(finding) for finding in findings()] == []
    assert Event.objects.count() > 60
