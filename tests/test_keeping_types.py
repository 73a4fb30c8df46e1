"""Archives of values whose types only the graph knows: they come back as what they were, not as plain dicts."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from approvals import opened, threads
from approvals.models import ThreadStatus
from tests import keeping_desk as desk
from tests.backends import AS_CONTEXT, CUSTOM, OWN, SQLITE, keeping, options_for, setting_for
from tests.conftest import Cast, work_off
from tests.graphs.editable import Bill
from tests.sealing_desk import key_text
from tests.test_keeping_sealed import archive, bring_back

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("keys", ["", key_text("one")], ids=["clear", "sealed"])
@pytest.mark.parametrize("kind", [OWN, SQLITE, CUSTOM, AS_CONTEXT])
def test_a_value_of_the_graphs_own_type_comes_back_as_one(
    kind: str, keys: str, cast: Cast, settings: Any, tmp_path: Path
) -> None:
    settings.HOLDPOINT_CHECKPOINT_KEYS = keys
    home = tmp_path / "archive"
    with setting_for(kind, tmp_path) as setting, keeping(setting, **options_for(kind, tmp_path)):
        thread = threads.submit(cast.rita, "editable", {"amount": 50})
        work_off(thread)
        desk.aged(thread, desk.DAYS, ThreadStatus.DONE)

        assert archive(home).removed.threads == 1
        assert desk.left(thread) == [0]
        bring_back(home, thread)

        with opened.checkpointer().read() as reading:
            graph = opened.registry().compile("editable", reading.saver)
            bill = graph.get_state({"configurable": {"thread_id": str(thread.id)}}).values["bill"]
        assert bill == Bill(total=Decimal(50))
    opened.checkpointer.cache_clear()


def test_a_saver_that_goes_past_its_serializer_is_archived_as_objects(cast: Cast, tmp_path: Path) -> None:
    """No graph with a type of its own runs on one: its worker would read a plain dict, and refuses."""
    home = tmp_path / "archive"
    with keeping("custom:tests.keeping_desk.wrapping"):
        thread = desk.finished(cast)
        there = desk.left(thread)

        assert archive(home).removed.threads == 1
        assert desk.left(thread) == [0]
        assert bring_back(home, thread) == there[0]
        assert desk.left(thread) == there
