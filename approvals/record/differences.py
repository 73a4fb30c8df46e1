"""What an edit changed, small enough for a line of the record: it stays when the checkpoints are gone."""

import json
from collections.abc import Mapping
from typing import Any

from approvals.models import sealing

LARGEST = 4_000
MOST = 50


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By key, what differs. A value that is long as JSON is told by its SHA-256 and its length."""
    kept = {name: (sealing.as_kept(before.get(name)), sealing.as_kept(value)) for name, value in after.items()}
    differing = [(name, old, new) for name, (old, new) in kept.items() if sealing.digest(old) != sealing.digest(new)]
    return [{"key": name, "before": _short(old), "after": _short(new)} for name, old, new in differing[:MOST]]


def _short(value: Any) -> Any:
    size = len(json.dumps(value))
    return value if size <= LARGEST else {"sha256": sealing.digest(value), "characters": size}
