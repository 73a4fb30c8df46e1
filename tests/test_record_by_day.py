"""The lines of a day are found without reading all the others."""

import re
from datetime import date

import pytest
from django.db import connection

from approvals.models import Event
from approvals.record.narrowing import Narrowing

LINES = 60_000
PER_DAY = 1_000
FILL = """
INSERT INTO approvals_event (thread_id, seq, kind, actor_name, data, at, previous_mac, mac)
SELECT gen_random_uuid(), 1, 'interrupt.viewed', 'Alice Okafor', '{"interrupt": "of the size that lines have"}',
    timestamptz '2026-01-01 00:00Z' + n * interval '1 day' / %s, repeat('0', 64), repeat('1', 64)
FROM generate_series(0, %s - 1) AS n
"""


@pytest.mark.django_db
def test_a_day_of_a_large_record_is_found_by_its_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(FILL, [PER_DAY, LINES])
        cursor.execute("SELECT brin_summarize_new_values('events_by_day')")  # as autovacuum does while they come
        cursor.execute("ANALYZE approvals_event")
    day = Narrowing(first=date(2026, 1, 20), last=date(2026, 1, 20)).lines(Event.objects.all()).order_by("id")

    plan = day.explain(analyze=True, buffers=True)

    assert day.count() == PER_DAY
    assert "events_by_day" in plan
    read = int((re.search(r"Buffers: shared hit=(\d+)", plan) or [0, 0])[1])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('approvals_event') / current_setting('block_size')::int")
        assert read < cursor.fetchone()[0] / 5
