"""Objects of a type that Atlas has no table of: recorded by the general rule, compared, and never lost in silence."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from atlas.domain.vocabulary import Role
from atlas.store.bodies import unpack, unpack_evidence
from atlas.store.database import Database
from atlas.store.tables import contents
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.test_drift import findings_of, generated, record
from tests.test_sync import run_of

TYPE = "microsoft.graph.windowsUpdates.ringOfUnheardOf"
SECRET = "a text that nobody listed"


@pytest.fixture
async def tenant(owner: Database, api: Database) -> Tenant:
    return await make_tenant(owner, api)


def unheard_of(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "@odata.type": f"#{TYPE}",
        "id": f"00000000-0000-4000-a000-{number:012d}",
        "displayName": f"Ring {number}",
        "delayInDays": 3,
        "firewallEnabled": True,
        "unheardOfText": SECRET,
        "lastModifiedDateTime": f"2026-11-{number:02d}T00:00:00Z",
        "assignments": [{"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}],
    } | changes


def export(folder: Path, *objects: dict[str, Any]) -> Path:
    write_export(folder, make_policy(1))
    return write_export(folder, *objects, kind="Something New")


async def test_an_object_of_an_unheard_of_type_is_recorded_by_the_general_rule_and_its_changes_are_told(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    first = export(tmp_path / "1", unheard_of(1), unheard_of(2), unheard_of(3))
    changed = unheard_of(2, delayInDays=9, unheardOfText="another", firewallEnabled=False, lastModifiedDateTime="later")
    second = export(tmp_path / "2", unheard_of(4), changed, unheard_of(1, displayName="Ring one"))
    for folder in (first, second):
        run = await run_of(api, tenant, await record(api, worker, tenant, folder))
        assert (run["status"], run["notes"]) == ("SUCCEEDED", [])
    drift_run = await generated(api, worker, tenant)
    assert drift_run["not_evaluated"] == []
    found = {row["display_name"]: row for row in await findings_of(api, tenant)}
    assert {name: (row["change_type"], row["item_type"]) for name, row in found.items()} == {
        "Ring one": ("MODIFIED", TYPE), "Ring 2": ("MODIFIED", TYPE), "Ring 3": ("REMOVED", TYPE),
        "Ring 4": ("ADDED", TYPE),
    }  # fmt: skip
    changes = {one["path"]: one for one in unpack_evidence(found["Ring 2"]["evidence"])}
    assert sorted(changes) == ["delayInDays", "firewallEnabled", "unheardOfText"]
    assert (changes["delayInDays"]["label"], changes["delayInDays"]["after"]["value"]) == ("Delay in days", 9)
    assert changes["unheardOfText"]["before"]["redacted"]
    assert found["Ring 2"]["severity"] == "CRITICAL"
    assert found["Ring 2"]["severity_reasons"][0] == "The firewall became weaker: Firewall enabled."
    assert found["Ring one"]["severity"] == "INFORMATIONAL"
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        kept = [unpack(body) for body in (await connection.execute(select(contents.c.body))).scalars()]
    assert len(kept) == 7
    assert not any(SECRET in body.decode() for body in kept)


async def test_a_type_that_is_read_for_the_first_time_or_is_not_there_any_more_makes_no_drift(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    without = export(tmp_path / "without")
    with_one = export(tmp_path / "with", unheard_of(1), unheard_of(2))
    half = export(tmp_path / "half", unheard_of(1))
    write_export(half, kind="PolicySets")
    (half / "PolicySets" / "broken.json").write_text("{")
    reasons = []
    for folder in (without, with_one, without, half):
        await record(api, worker, tenant, folder)
        if folder is not without or reasons:
            drift_run = await generated(api, worker, tenant)
            reasons.append({one["item_type"]: one["reason"] for one in drift_run["not_evaluated"]})
    assert reasons == [{TYPE: "NEVER_READ_BEFORE"}, {TYPE: "ABSENT"}, {TYPE: "INCOMPLETE"}]
    assert await findings_of(api, tenant) == []


async def test_what_is_left_out_of_a_whole_run_is_noted(
    api: Database, worker: Database, tenant: Tenant, tmp_path: Path
) -> None:
    folder = export(tmp_path, unheard_of(1, **{"@odata.type": "#microsoft.graph.user"}))
    run = await run_of(api, tenant, await record(api, worker, tenant, folder))
    assert run["status"] == "SUCCEEDED"
    (note,) = run["notes"]
    assert note.startswith("Left out: Something New/0000.json: It is of a kind (@odata.type)")
