"""Whoever owns the database can change anything in it; none of it stays unseen."""

import random
from pathlib import Path

import pytest
from django.db import transaction

from approvals.record.heads import write_heads
from tests.conftest import Cast
from tests.record_desk import every_kind, findings
from tests.tampering import WAYS, without_rules

pytestmark = pytest.mark.django_db
TRIALS = 500


def test_whatever_is_changed_removed_added_or_reordered_is_found_and_named(cast: Cast, tmp_path: Path) -> None:
    every_kind(cast)
    kept = tmp_path / "heads"
    with kept.open("wb") as file:
        write_heads(file)
    pick = random.Random(20261122)
    missed = []

    for trial in range(TRIALS):
        falsify = WAYS[trial % len(WAYS)]
        honest = transaction.savepoint()
        without_rules()
        thread, line = falsify(pick)
        found = findings(heads=[kept])
        transaction.savepoint_rollback(honest)
        named = {(each.thread, each.line) for each in found}
        if thread not in {each for each, _ in named} or (line is not None and (thread, line) not in named):
            missed.append((trial, falsify.__name__, thread, line, sorted(map(str, found))))

    assert missed == []
    assert findings(heads=[kept]) == []
