"""A new deployment key, or a new form: what was decided holds, and nothing comes out as drift."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from atlas import triage
from atlas.domain.profiles import PROFILES, Profiles
from atlas.domain.vocabulary import Role
from atlas.record import record_folder
from atlas.store.database import Database
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.test_drift import KEY, findings_of, generated

OLD, NEW, NEWER = b"o" * 32, b"n" * 32, b"m" * 32


class Place:
    """A tenant whose exports are recorded under one deployment key or another."""

    def __init__(self, api: Database, worker: Database, tenant: Tenant, folder: Path) -> None:
        self.api, self.worker, self.tenant, self.folder, self.number = api, worker, tenant, folder, 0
        self.profiles: Sequence[Profiles] = PROFILES

    async def sync(self, values: dict[int, int], key: bytes, *previous: bytes, described: str = "s") -> UUID:
        self.number += 1
        export = write_export(
            self.folder / str(self.number),
            *(make_policy(number, value=value, description=described) for number, value in values.items()),
        )
        return await record_folder(
            self.api,
            self.worker,
            self.tenant.as_(Role.MANAGER),
            path=export,
            deployment_key=key,
            previous_keys=previous,
            profiles=self.profiles,
        )

    async def generate(self) -> dict[str, Any]:
        return await generated(self.api, self.worker, self.tenant)

    async def rows(self) -> list[dict[str, Any]]:
        return sorted(await findings_of(self.api, self.tenant), key=lambda row: (row["first_seen_at"], row["id"]))


@pytest.fixture
async def place(owner: Database, api: Database, worker: Database, tmp_path: Path) -> Place:
    return Place(api, worker, await make_tenant(owner, api), tmp_path)


def counted(run: dict[str, Any]) -> tuple[int, int, int, list[Any]]:
    return run["added"], run["removed"], run["modified"], run["not_evaluated"]


async def test_a_rotated_key_is_no_drift_and_what_was_acknowledged_stays_so(place: Place) -> None:
    await place.sync({1: 1, 2: 1}, OLD)
    await place.sync({1: 2, 2: 1}, OLD)
    await place.generate()
    (finding,) = await place.rows()
    await triage.acknowledge(place.api, place.tenant.as_(Role.OPERATOR), [finding["id"]], reason="agreed")
    await place.sync({1: 2, 2: 1}, NEW, OLD)
    assert counted(await place.generate()) == (0, 0, 0, [])
    await place.sync({1: 2, 2: 1}, NEW, OLD)
    assert counted(await place.generate()) == (0, 0, 0, [])
    (finding,) = await place.rows()
    assert (finding["status"], finding["is_current"]) == ("ACKNOWLEDGED", True)


async def test_a_change_in_the_very_run_of_the_rotation_is_found(place: Place) -> None:
    await place.sync({1: 1, 2: 1}, OLD)
    await place.sync({1: 1, 2: 5, 3: 1}, NEW, OLD)
    run = await place.generate()
    assert counted(run) == (1, 0, 1, [])
    assert run["property_changes"] == 1
    await place.sync({1: 1, 2: 5, 3: 1}, NEW, OLD)
    assert counted(await place.generate()) == (0, 0, 0, [])
    assert {row["is_current"] for row in await place.rows()} == {True}


async def test_a_hidden_value_that_changes_in_the_run_of_the_rotation_is_found(place: Place) -> None:
    await place.sync({1: 1}, OLD, described="before")
    await place.sync({1: 1}, NEW, OLD, described="after")
    run = await place.generate()
    assert (run["modified"], run["property_changes"]) == (1, 1)


async def test_two_rotations_in_a_row_keep_what_was_decided(place: Place) -> None:
    await place.sync({1: 1}, OLD)
    await place.sync({1: 2}, OLD)
    await place.generate()
    await triage.acknowledge(
        place.api, place.tenant.as_(Role.OPERATOR), [(await place.rows())[0]["id"]], reason="agreed"
    )
    await place.sync({1: 2}, NEW, OLD)
    await place.sync({1: 2}, NEWER, NEW, OLD)
    await place.generate()
    await place.sync({1: 3}, NEWER, NEW, OLD)
    await place.generate()
    first, second = await place.rows()
    assert (first["status"], first["is_current"], first["superseded_by"]) == ("ACKNOWLEDGED", False, second["id"])


async def test_a_pin_outlives_a_rotation(place: Place) -> None:
    await place.sync({1: 1, 2: 1}, OLD)
    run = await place.sync({1: 2, 2: 1}, OLD)
    await place.generate()
    await place.sync({1: 2, 2: 1}, NEW, OLD)
    await triage.pin_baseline(place.api, place.tenant.as_(Role.MANAGER), scope_key=KEY, run_id=run, reason="reviewed")
    (finding,) = await place.rows()
    assert (finding["status"], finding["resolution"]) == ("RESOLVED", "BASELINED")
    await place.sync({1: 2, 2: 4}, NEW, OLD)
    assert counted(await place.generate()) == (0, 0, 1, [])


async def test_without_the_old_key_nothing_is_said_and_nothing_is_lost(place: Place) -> None:
    await place.sync({1: 1}, OLD)
    await place.sync({1: 2}, OLD)
    await place.generate()
    await place.sync({1: 2}, NEW)
    run = await place.generate()
    assert counted(run)[:3] == (0, 0, 0)
    assert [one["reason"] for one in run["not_evaluated"]] == ["NOT_COMPARABLE"]
    await place.sync({1: 3}, NEW)
    assert counted(await place.generate()) == (0, 0, 1, [])
    first = (await place.rows())[0]
    assert (first["status"], first["is_current"]) == ("NEW", True)


async def test_a_change_to_a_form_that_does_not_know_the_old_one_is_no_drift(place: Place) -> None:
    await place.sync({1: 1}, OLD)
    await place.sync({1: 1}, OLD)
    place.profiles = (PROFILES[0].revised("p9"),)
    await place.sync({1: 1}, OLD)
    run = await place.generate()
    assert counted(run)[:3] == (0, 0, 0)
    assert [one["reason"] for one in run["not_evaluated"]] == ["NOT_COMPARABLE"]
    await place.sync({1: 1}, OLD)
    assert counted(await place.generate()) == (0, 0, 0, [])
    assert await place.rows() == []


async def test_an_alias_points_to_the_newest_name_of_a_content(place: Place, owner: Database) -> None:
    await place.sync({1: 1}, OLD)
    await place.sync({1: 1}, NEW, OLD)
    await place.sync({1: 1}, NEWER, NEW, OLD)
    async with owner.transaction() as connection:
        rows = await connection.execute(
            text("select new_hash, count(*) from atlas.hash_aliases where tenant_id = :t group by 1"),
            {"t": place.tenant.id},
        )
        assert [count for _, count in rows] == [2]
