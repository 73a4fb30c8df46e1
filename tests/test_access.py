"""Every way in, for everybody: what opens, to whom, and that looking changes nothing."""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from tests.access_table import TABLE
from tests.conftest import Cast
from tests.doors import ADMIN, RELATIONS, Way, World, form_of, path_of, routes, world_of

IN_TABLE = {(row[0], row[1]): row[2:] for row in (line.split() for line in TABLE.strip().splitlines()[1:])}
STAFF = "superuser"


@pytest.fixture
def world(cast: Cast) -> World:
    return world_of(cast)


def ways(world: World) -> Iterator[Way]:
    for name, route in routes():
        if not _is_administration(name):
            for method in ("GET", "POST"):
                form = form_of(name, world) if method == "POST" else {}
                yield Way(name, method, path_of(route, world), form)


def test_every_address_has_a_row(db: None) -> None:
    names = {name for name, _ in routes() if not _is_administration(name)}

    assert {name for name, _ in IN_TABLE} == names
    assert {len(cells) for cells in IN_TABLE.values()} == {len(RELATIONS)}


@pytest.mark.timeout(900)
def test_everybody_gets_what_the_table_says(world: World) -> None:
    wrong = []
    for way in ways(world):
        for relation, expected in zip(RELATIONS, IN_TABLE[way.name, way.method], strict=True):
            with transaction.atomic():
                found = way.knock(world.client(relation))
                transaction.set_rollback(True)
            if found != expected:
                wrong.append(f"{way.method} {way.name} as {relation}: {found}, not {expected}")

    assert wrong == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("relation", RELATIONS)
def test_looking_at_any_page_changes_nothing(world: World, relation: str) -> None:
    paths = [path_of(route, world) for _, route in routes()]
    before = digest()

    for path in paths:
        for method in ("GET", "HEAD"):
            Way("", method, path).knock(world.client(relation))

    assert digest() == before


@pytest.mark.timeout(300)
def test_the_administration_opens_to_staff_alone(world: World) -> None:
    opened: dict[str, set[str]] = {relation: set() for relation in RELATIONS}
    for name, route in routes():
        if _is_administration(name):
            for relation in RELATIONS:
                if Way(name, "GET", path_of(route, world)).knock(world.client(relation)) not in {"sign-in", "no"}:
                    opened[relation].add(name)

    assert len(opened.pop(STAFF)) > 50
    assert set().union(*opened.values()) <= {"admin:logout"}  # which says that one is signed out


def digest() -> dict[str, str]:
    """Of every row of every table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        tables = [name for (name,) in cursor.fetchall()]
        found = {}
        for table in tables:
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM \"{table}\" t"
            )
            found[table] = cursor.fetchone()[0]
        return found


def _is_administration(name: str) -> bool:
    return name.startswith(ADMIN)
