"""Beat: signs of life of what has no row of its own, on the database's clock."""

from django.db import connection, models
from django.db.models.functions import Now

SWEPT = "swept"
RUNG = "rung"
ANSWERED = "answered"

_MARK = """
INSERT INTO approvals_beat (name, at) VALUES (%s, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET at = EXCLUDED.at
"""
_TAKE_TURN = f"{_MARK} WHERE approvals_beat.at < clock_timestamp() - make_interval(secs => %s)"
_AGE = "SELECT extract(epoch FROM clock_timestamp() - at)::float FROM approvals_beat WHERE name = %s"


class Beat(models.Model):
    """When something last happened."""

    name = models.CharField(primary_key=True, max_length=20)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name

    @classmethod
    def mark(cls, name: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_MARK, (name,))

    @classmethod
    def take_turn(cls, name: str, *, every: float) -> bool:
        """Whether it is this process's turn, `every` so many seconds one process's."""
        with connection.cursor() as cursor:
            cursor.execute(_TAKE_TURN, (name, every))
            return bool(cursor.rowcount)

    @classmethod
    def age(cls, name: str) -> float | None:
        """Seconds since; None when it never happened."""
        with connection.cursor() as cursor:
            cursor.execute(_AGE, (name,))
            row = cursor.fetchone()
        return None if row is None else float(row[0])
