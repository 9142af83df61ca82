"""A release with better profiles: no drift, what was decided holds, and a real change at the same time is found."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from atlas import triage
from atlas.domain.profile_tables import FIRST_TABLES
from atlas.domain.profiles import PROFILES, Profile, Profiles
from atlas.domain.vocabulary import Role
from atlas.record import record_folder
from atlas.store.database import Database
from tests.domain import graph
from tests.factories import DEPLOYMENT_KEY, Tenant, make_tenant, write_export
from tests.test_drift import KEY, findings_of, generated

FIRST = PROFILES[-1]
# A property is the server's from now on, a list is a set, another property is kept that was dropped before, and of
# this type a text may be shown.
SECOND = FIRST.revised(
    "p2",
    by_type={"deviceConfiguration": Profile(shown={"supportContact": FIRST_TABLES.ordered_definitions})},
    tables=replace(
        FIRST_TABLES,
        server_managed=FIRST_TABLES.server_managed - {"supportsScopeTags"} | {"passwordRequired"},
        ordered=FIRST_TABLES.ordered - {"dnsServers"},
    ),
)
THIRD = SECOND.revised(
    "p3", tables=replace(FIRST_TABLES, server_managed=FIRST_TABLES.server_managed | {"passwordRequired"})
)
OLD, NEW, NEWEST = (FIRST,), (SECOND, FIRST), (THIRD, SECOND, FIRST)


def configuration(number: int, length: int = 8, **more: Any) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.windows10GeneralConfiguration",
        "id": f"00000000-0000-4000-9000-{number:012d}",
        "displayName": "A configuration",
        "passwordMinimumLength": length,
        "passwordRequired": True,
        "supportsScopeTags": True,
        "dnsServers": ["10.0.0.1", "10.0.0.2"],
        "supportContact": "somebody",
    } | more


class Place:
    """A tenant that one release after the other records."""

    def __init__(self, api: Database, worker: Database, tenant: Tenant, folder: Path) -> None:
        self.api, self.worker, self.tenant, self.folder, self.number = api, worker, tenant, folder, 0

    async def sync(
        self, profiles: Sequence[Profiles], *objects: dict[str, Any], kind: str = "DeviceConfiguration"
    ) -> UUID:
        self.number += 1
        export = write_export(self.folder / str(self.number), *objects, kind=kind)
        return await record_folder(
            self.api,
            self.worker,
            self.tenant.as_(Role.MANAGER),
            path=export,
            deployment_key=DEPLOYMENT_KEY,
            profiles=profiles,
        )

    async def drift(self) -> tuple[int, int, int, list[Any]]:
        """(added, removed, modified, not evaluated) of the newest pair."""
        run = await generated(self.api, self.worker, self.tenant)
        return run["added"], run["removed"], run["modified"], run["not_evaluated"]

    async def findings(self) -> list[dict[str, Any]]:
        return sorted(await findings_of(self.api, self.tenant), key=lambda row: row["first_seen_at"])


@pytest.fixture
async def place(owner: Database, api: Database, worker: Database, tmp_path: Path) -> Place:
    return Place(api, worker, await make_tenant(owner, api), tmp_path)


async def test_better_profiles_are_no_drift_and_what_was_acknowledged_stays_so(place: Place) -> None:
    await place.sync(OLD, configuration(1), configuration(2))
    await place.sync(OLD, configuration(1, 9), configuration(2))
    assert await place.drift() == (0, 0, 1, [])
    (finding,) = await place.findings()
    await triage.acknowledge(place.api, place.tenant.as_(Role.OPERATOR), [finding["id"]], reason="agreed")
    for profiles in (NEW, NEW, NEWEST, NEWEST):
        await place.sync(profiles, configuration(1, 9), configuration(2))
        assert await place.drift() == (0, 0, 0, [])
    (finding,) = await place.findings()
    assert (finding["status"], finding["is_current"], finding["version"]) == ("ACKNOWLEDGED", True, 2)
    await place.sync(NEWEST, configuration(1, 10), configuration(2))
    assert await place.drift() == (0, 0, 1, [])
    first, second = await place.findings()
    assert (first["is_current"], first["superseded_by"]) == (False, second["id"])


async def test_the_first_profiles_give_way_to_the_second_without_drift(place: Place) -> None:
    """Those that a release had: an empty setting of the Settings Catalog is kept from the second on."""
    prefix, length = graph.simple("laps_prefix", ""), graph.simple("laps_length", 8)
    await place.sync(PROFILES[1:], graph.policy(prefix, length), kind="SettingsCatalog")
    await place.sync(PROFILES[1:], graph.policy(length), kind="SettingsCatalog")
    assert await place.drift() == (0, 0, 0, [])
    for _ in range(2):
        await place.sync(PROFILES, graph.policy(length), kind="SettingsCatalog")
        assert await place.drift() == (0, 0, 0, [])
    await place.sync(PROFILES, graph.policy(prefix, length), kind="SettingsCatalog")
    assert await place.drift() == (0, 0, 1, [])
    (finding,) = await place.findings()
    assert finding["change_count"] == 1


async def test_a_real_change_in_the_run_of_the_new_profiles_is_found_once(place: Place) -> None:
    await place.sync(OLD, configuration(1), configuration(2), configuration(3))
    await place.sync(NEW, configuration(1, 9), configuration(2), configuration(4, 7))
    assert await place.drift() == (1, 1, 1, [])
    await place.sync(NEW, configuration(1, 9), configuration(2), configuration(4, 7))
    assert await place.drift() == (0, 0, 0, [])
    found = await place.findings()
    assert sorted(row["change_type"] for row in found) == ["ADDED", "MODIFIED", "REMOVED"]
    assert {row["change_count"] for row in found if row["change_type"] == "MODIFIED"} == {1}
    assert {row["is_current"] for row in found} == {True}


async def test_under_the_new_profiles_the_new_rules_hold(place: Place) -> None:
    await place.sync(OLD, configuration(1))
    await place.sync(NEW, configuration(1))
    await place.sync(NEW, configuration(1, passwordRequired=False, dnsServers=["10.0.0.2", "10.0.0.1"]))
    assert await place.drift() == (0, 0, 0, [])
    await place.sync(NEW, configuration(1, supportsScopeTags=False))
    assert await place.drift() == (0, 0, 1, [])


async def test_objects_that_only_the_new_profiles_tell_apart_go_on_each_as_itself(place: Place) -> None:
    same, other = configuration(1), configuration(2, supportsScopeTags=False)
    await place.sync(OLD, same, other)
    await place.sync(NEW, other, same)
    assert await place.drift() == (0, 0, 0, [])
    await place.sync(NEW, same, other)
    assert await place.drift() == (0, 0, 0, [])
    await place.sync(NEW, same, configuration(2, supportsScopeTags=True))
    assert await place.drift() == (0, 0, 1, [])
    (finding,) = await place.findings()
    assert finding["external_id"] == other["id"]


async def test_objects_under_one_id_go_on_each_as_itself(place: Place) -> None:
    twins = configuration(1), configuration(1, 9, displayName="Its twin")
    await place.sync(OLD, *twins)
    await place.sync(OLD, *twins)
    await place.drift()
    for _ in range(2):
        await place.sync(NEW, *reversed(twins))
        assert await place.drift() == (0, 0, 0, [])


async def test_a_pin_outlives_better_profiles(place: Place) -> None:
    await place.sync(OLD, configuration(1))
    run = await place.sync(OLD, configuration(1, 9))
    await place.drift()
    await place.sync(NEW, configuration(1, 9))
    await triage.pin_baseline(place.api, place.tenant.as_(Role.MANAGER), scope_key=KEY, run_id=run, reason="reviewed")
    (finding,) = await place.findings()
    assert (finding["status"], finding["resolution"]) == ("RESOLVED", "BASELINED")
    assert await place.drift() == (0, 0, 0, [])
    await place.sync(NEW, configuration(1, 7))
    assert await place.drift() == (0, 0, 1, [])
    await place.sync(NEW, configuration(1, 9))
    assert await place.drift() == (0, 0, 0, [])


async def test_each_content_has_an_alias_to_its_newest_name(place: Place, owner: Database) -> None:
    await place.sync(OLD, configuration(1), configuration(2, 9))
    await place.sync(NEW, configuration(1), configuration(2, 9))
    await place.sync(NEWEST, configuration(1), configuration(2, 9))
    async with owner.transaction() as connection:
        rows = await connection.execute(
            text(
                "select split_part(old_hash, '.', 2) as old, split_part(new_hash, '.', 2) as new, count(*)"
                " from atlas.hash_aliases where tenant_id = :t group by 1, 2 order by 1"
            ),
            {"t": place.tenant.id},
        )
        assert [tuple(row) for row in rows] == [("p1", "p3", 2), ("p2", "p3", 2)]
