"""manage.py checkpoints status: how much there is, how fast it grows, and what it will be."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from django.core.management.base import CommandParser, OutputWrapper

from approvals.execution import keeping
from approvals.models import ThreadStatus


class Status:
    name: ClassVar[str] = "status"
    help: ClassVar[str] = "sizes, growth and the largest threads; asks little of the database, whatever its size"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def run(self, out: OutputWrapper, options: dict[str, Any]) -> None:
        found = keeping.status()
        if options["json"]:
            out.write(json.dumps(as_json(found), indent=1))
            return
        for name, said in lines(found):
            out.write(f"{name:<24}{said}")


def lines(found: keeping.Status) -> Iterator[tuple[str, str]]:
    packages = ", ".join(f"{name.removeprefix('langgraph-')} {number}" for name, number in found.packages.items())
    yield "kept in", f"{found.kind}, {'fenced' if found.is_fenced else 'not fenced'}"
    yield "packages", packages
    statuses = [
        f"{found.by_status[status]} {status.label.lower()}" for status in ThreadStatus if status in found.by_status
    ]
    yield "threads", ", ".join(statuses) or "none"
    yield "checkpoints removed", f"of {found.removed} threads"
    if found.half_removed:
        yield "half removed", f"{found.half_removed} threads; the next prune or night finishes them"
    yield from _sizes(found)
    yield "retention", found.retention


def _sizes(found: keeping.Status) -> Iterator[tuple[str, str]]:
    sizes = found.measured
    if sizes is None:
        yield "sizes", found.why_not
        return
    about = "about " if sizes.is_estimated else ""
    if sizes.migration:
        yield "tables", f"migration {sizes.migration}"
    parts = f" (rows {human(sizes.heap)}, long values {human(sizes.toast)}, indexes {human(sizes.indexes)})"
    yield "size", human(sizes.bytes) + (parts if sizes.indexes else "")
    yield "checkpoints", f"{about}{sizes.checkpoints} of {about}{sizes.threads} threads"
    yield "per thread", f"{human(found.per_thread)}, per checkpoint {human(found.per_checkpoint)}"
    yield "threads without request", f"{about}{found.orphans}"
    yield "growth", f"{human(found.per_day)} a day: {found.new_per_day:.1f} new threads a day of late, times the mean"
    yield "if nothing goes", f"about {human(found.in_days(30))} in 30 days, {human(found.in_days(365))} in 365"
    if sizes.is_estimated:
        yield "estimated", f"from a sample of {100 * sizes.share:.2g} % of the rows; sizes are the database's own"
    for place, (thread_id, size, checkpoints) in enumerate(found.largest, start=1):
        yield f"largest {place}", f"{thread_id}  {about}{human(size)} in {about}{checkpoints} checkpoints"


def as_json(found: keeping.Status) -> dict[str, Any]:
    sizes = found.measured
    told: dict[str, Any] = {
        "kind": found.kind,
        "is_fenced": found.is_fenced,
        "packages": found.packages,
        "threads": found.by_status,
        "removed": found.removed,
        "half_removed": found.half_removed,
        "retention": found.retention,
    }
    if sizes is None:
        return {**told, "sizes": None, "why": found.why_not}
    return {
        **told,
        "migration": sizes.migration,
        "sizes": {"all": sizes.bytes, "rows": sizes.heap, "long_values": sizes.toast, "indexes": sizes.indexes},
        "checkpoints": sizes.checkpoints,
        "stored_threads": sizes.threads,
        "estimated_from": sizes.share,
        "per_thread": round(found.per_thread),
        "per_checkpoint": round(found.per_checkpoint),
        "orphans": found.orphans,
        "new_threads_per_day": round(found.new_per_day, 2),
        "per_day": round(found.per_day),
        "in_30_days": round(found.in_days(30)),
        "in_365_days": round(found.in_days(365)),
        "largest": [{"thread": name, "bytes": size, "checkpoints": count} for name, size, count in found.largest],
    }


def human(size: float) -> str:
    """As people read it: 1 kB is 1,000 bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
