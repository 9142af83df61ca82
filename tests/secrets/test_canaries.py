"""No secret that was planted is found anywhere: the whole way, from two exports to answers, logs and what is stored."""

import sys
from collections import Counter

import pytest
from sqlalchemy import text

from atlas.sealing import PUBLIC_VERSION
from atlas.store.bodies import unpack_evidence
from tests.secrets import places
from tests.secrets.asking import fields_asked, fields_offered
from tests.secrets.canaries import CLASSES, sown_kinds
from tests.secrets.conftest import Harvest
from tests.secrets.exports import ADDED_OR_REMOVED, PLANTS
from tests.secrets.house import House
from tests.secrets.life import Doors
from tests.secrets.search import Place, search, spellings

KINDS = ("table", "broker", "broker's file", "log", "answer", "stream", "socket", "error", "output")


def of_kind(harvest: Harvest, kind: str) -> list[Place]:
    return [place for place in harvest.places if place.name.startswith(f"{kind} ") or f", {kind} " in place.name]


def tell(kind: str, found: list[Place]) -> None:
    """How much was searched; seen with `pytest -rP`."""
    count, parts, size = places.size_of(found)
    sys.stdout.write(f"{kind}: {count} places, {parts} parts, {size} bytes\n")


def test_no_canary_is_found_anywhere(harvest: Harvest) -> None:
    hits = search(harvest.places, harvest.hunted)
    for kind in KINDS:
        tell(kind, of_kind(harvest, kind))
    assert not hits, "\n".join(f"{hit.canary!r} is in {hit.place}, as {hit.spelling}" for hit in hits)


@pytest.mark.parametrize("kind", KINDS)
def test_there_was_something_to_search(harvest: Harvest, kind: str) -> None:
    assert min(places.size_of(of_kind(harvest, kind))) > 0


def test_every_class_of_secrets_is_planted(harvest: Harvest, house: House) -> None:
    kinds = {name.split(" ", 2)[2] for name in house.mint.made if name.startswith(("before ", "after "))}
    assert {known for known in CLASSES if not any(kind.startswith(known) for kind in kinds)} == set()


def test_every_canary_is_found_in_the_export_that_plants_it(harvest: Harvest, house: House) -> None:
    exports = ("before", "after", "partial 1", "partial 2", "failing", "no policy")
    planted = {name for name in house.mint.made if name.startswith(exports)}
    found = search([place for name in exports for place in places.of_files(name, house.folder / name)], harvest.hunted)
    assert len(planted) > 300
    assert {hit.canary for hit in found} == planted


@pytest.mark.parametrize("grow", [*PLANTS, *ADDED_OR_REMOVED.values()], ids=lambda grow: grow.__name__)
async def test_each_planted_secret_is_told_as_a_digest(harvest: Harvest, house: House, doors: Doors, grow) -> None:
    """So it was read, compared and stored, and was not merely lost on the way."""
    name = grow.__name__
    export = next((one for one, only in ADDED_OR_REMOVED.items() if only is grow), "before")
    query = text("select evidence from atlas.findings where tenant_id = :t and display_name = :name and kind = 'DRIFT'")
    async with doors.owner.transaction() as connection:
        told = {"t": harvest.life.whole.tenant.id, "name": name.replace("_", " ").capitalize()}
        (packed,) = (await connection.execute(query, told)).scalars()
    side = "after" if export == "after" else "before"
    digests = [change for change in unpack_evidence(packed) if change[side] and change[side]["redacted"]]
    sown = sown_kinds(house.mint.made, name, export)
    assert len(digests) >= len(sown) > 0


def test_every_field_of_the_schema_was_asked(harvest: Harvest) -> None:
    assert fields_offered() - fields_asked(harvest.life.queries) == set()


async def test_the_walk_came_to_every_object(harvest: Harvest, doors: Doors) -> None:
    async with doors.owner.transaction() as connection:
        for type_name, counted in (
            ("InventoryItem", "select count(distinct item_id) from atlas.item_intervals where tenant_id = :t"),
            ("Finding", "select count(*) from atlas.findings where tenant_id = :t"),
            ("SyncRun", "select count(*) from atlas.sync_runs where tenant_id = :t"),
            ("DriftRun", "select count(*) from atlas.drift_runs where tenant_id = :t"),
            ("AuditEvent", "select count(*) from atlas.audit_events where tenant_id = :t"),
        ):
            stored = await connection.scalar(text(counted), {"t": harvest.life.whole.tenant.id})
            assert len(harvest.life.nodes[type_name]) == stored > 0, type_name


async def test_what_was_to_go_wrong_went_wrong(harvest: Harvest, house: House, doors: Doors) -> None:
    async with doors.owner.transaction() as connection:
        statuses = Counter((await connection.execute(text("select status from atlas.sync_runs"))).scalars())
        codes = set((await connection.execute(text("select error_code from atlas.sync_runs"))).scalars())
    assert statuses == {"SUCCEEDED": 2, "PARTIAL": 2, "FAILED": 2}
    assert codes >= {"INCOMPLETE", "NOTHING_COMPLETE", "NO_POLICY"}
    assert b'"graphql.fault"' in (house.logs / "api.log").read_bytes()
    assert b'"run broke off"' in (house.logs / "worker.log").read_bytes()
    refused = [
        place for place in harvest.places if place.name.startswith("answer") and b'"errors":[{' in place.parts[1]
    ]
    assert len(refused) > 30
    kept = [
        place.parts[1] for place in harvest.places if place.name.startswith("answer") and ", a secret " in place.name
    ]
    assert len(kept) == 8
    assert all(b'"message"' in answer for answer in kept), "each was refused"


async def test_the_secrets_of_connections_are_sealed_and_nowhere_else(harvest: Harvest, doors: Doors) -> None:
    async with doors.owner.transaction() as connection:
        (row,) = (await connection.execute(text("select status, sealed from atlas.graph_connections"))).all()
    assert (row.status, bytes(row.sealed)[:1]) == ("FAILED", PUBLIC_VERSION)


async def test_the_files_of_the_database_hold_no_canary_either(harvest: Harvest, house: House) -> None:
    """Rows that are gone, temporary tables and the write-ahead log, in the spellings that pages keep whole."""
    connection = await places.superuser(house.services)
    await connection.execute("checkpoint")
    await connection.close()
    marks = {
        mark: spellings(mark)[spelling]
        for mark in (house.mint.marker, house.mint.digits)
        for spelling in ("UTF-8", "UTF-16LE")
    }
    files = places.of_files("data", house.folder / "home" / "postgres")
    tell("data", files)
    assert any(b"Settings catalog" in part for place in files for part in place.parts)
    assert [(place.name, mark) for place in files for mark, needle in marks.items() if needle in place.parts[0]] == []
