"""Run by `python -m tests.golden`, never with the other tests: writes the threads of this release."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.golden import rows
from tests.golden.cases import CASES, Case
from tests.golden.told import told

INTO = Path(os.environ["GOLDEN_INTO"])


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=list(CASES))
def test_write(name: str, case: Case, db: None, settings: Any) -> None:
    settings.HOLDPOINT_RECORD_KEY = rows.RECORD_KEY
    cast = rows.people()
    thread = case.make(cast)
    rows.write(INTO / f"{name}.jsonl.gz", rows.dump(thread.id))
    before = told(thread, case.keys)
    case.end(cast, thread)
    expected = {"thread": str(thread.id), "before": before, "after": told(thread, case.keys)}
    (INTO / f"{name}.json").write_text(f"{json.dumps(expected, ensure_ascii=False, indent=1)}\n")
