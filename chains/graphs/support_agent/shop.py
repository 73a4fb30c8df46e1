"""A small shop in an SQLite file: orders, refunds, and an outbox for letters that are never really sent.

Every call is a transaction of its own, begun with SQLite's write lock, so any number of processes may share the file.
Refunds and letters carry a key: the same key again changes nothing and gives the first result.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from langchain_core.tools import ToolException

from chains.graphs.support_agent.seed import ORDERS, SCHEMA

CURRENCY = "EUR"
BUSY_SECONDS = 10
CENT = Decimal("0.01")


class Refused(ToolException):
    """The shop does not do this; the sentence says why, to the agent and to people."""


@dataclass(frozen=True)
class Order:
    number: str
    customer: str
    email: str
    items: str
    status: str
    placed_on: str
    total: Decimal
    refunded: Decimal

    @property
    def refundable(self) -> Decimal:
        return self.total - self.refunded


@dataclass(frozen=True)
class Shop:
    path: Path

    def order(self, number: str) -> Order:
        """Raises Refused when there is none of that number."""
        with self._transaction() as rows:
            return _order(rows, number)

    def refund(self, number: str, amount: Decimal, *, reason: str, key: str) -> str:
        """The receipt's number. Raises Refused with nothing stored."""
        asked = (number, _cents(amount), reason)
        with self._transaction() as rows:
            if known := rows.execute("SELECT order_number, cents, reason FROM refunds WHERE key = ?", [key]).fetchone():
                return _receipt("RF", key, known, asked)
            order = _order(rows, number)
            if amount > order.refundable:
                raise Refused(
                    f"At most {order.refundable} {CURRENCY} of order {number} can be refunded: "
                    f"{order.refunded} of {order.total} {CURRENCY} already were."
                )
            rows.execute("INSERT INTO refunds VALUES (?, ?, ?, ?, ?)", [key, *asked, _now()])
            return _receipt("RF", key, asked, asked)

    def post(self, to: str, subject: str, text: str, *, key: str) -> str:
        """Puts a letter into the outbox and gives its number. Raises Refused with nothing stored."""
        asked = (to, subject, text)
        with self._transaction() as rows:
            if known := rows.execute("SELECT recipient, subject, text FROM outbox WHERE key = ?", [key]).fetchone():
                return _receipt("ML", key, known, asked)
            rows.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?)", [key, *asked, _now()])
            return _receipt("ML", key, asked, asked)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                _fill(connection)
                yield connection


def _fill(rows: sqlite3.Connection) -> None:
    """On first use. The version is part of the transaction, so a shop is there whole or not at all."""
    if rows.execute("PRAGMA user_version").fetchone()[0]:
        return
    for statement in SCHEMA:
        rows.execute(statement)
    rows.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", ORDERS)
    rows.execute("PRAGMA user_version = 1")


def _order(rows: sqlite3.Connection, number: str) -> Order:
    found = rows.execute(
        "SELECT o.*, coalesce((SELECT sum(cents) FROM refunds WHERE order_number = o.number), 0) FROM orders o "
        "WHERE o.number = ?",
        [number],
    ).fetchone()
    if found is None:
        raise Refused(f"There is no order {number}.")
    texts: tuple[str, str, str, str, str, str] = found[:6]
    return Order(*texts, total=_money(found[6]), refunded=_money(found[7]))


def _receipt(kind: str, key: str, known: tuple[object, ...], asked: tuple[object, ...]) -> str:
    """Made from the key, so it is the same whenever the call is repeated."""
    if tuple(known) != asked:
        raise Refused("This call was already carried out with other values, and is not carried out twice.")
    return f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:10].upper()}"


def _money(cents: int) -> Decimal:
    return (Decimal(cents) / 100).quantize(CENT)


def _cents(amount: Decimal) -> int:
    return int(amount * 100)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
