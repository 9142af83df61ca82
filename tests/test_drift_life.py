"""The life of findings, through the database: reverted, moved on, reopened, pinned, partly read, generated late."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from atlas import triage
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.test_drift import KEY, findings_of, generated, record

# So that what goes in a step is less than half of what is there, and no run waits for confirmation.
BESIDE = [make_policy(number) for number in range(901, 905)]


class Scope:
    """A tenant's scope that is synced and generated step by step; the objects of a step are policies by number."""

    def __init__(self, owner: Database, api: Database, worker: Database, tenant: Tenant, folder: Path) -> None:
        self.api, self.worker, self.tenant, self.folder = api, worker, tenant, folder
        self.runs: list[UUID] = []

    async def sync(self, values: dict[int, int], *, broken: bool = False, kinds: tuple[str, ...] = ()) -> UUID:
        export = self.folder / f"{len(self.runs):03d}"
        objects = [make_policy(number, value=value) for number, value in values.items()]
        write_export(export, *objects, *(BESIDE if objects else ()))
        for kind in kinds:
            extra = make_policy(900) | {"@odata.type": "#microsoft.graph.windows10GeneralConfiguration"}
            extra |= {"settings": None, "displayName": "Device", "passwordRequired": True}
            write_export(export, extra, kind=kind)
        if broken:
            (export / "SettingsCatalog" / "broken.json").write_text('{"id": "x", ')
        self.runs.append(await record(self.api, self.worker, self.tenant, export))
        return self.runs[-1]

    async def sync_shared(self, *objects: tuple[str, int]) -> UUID:
        """A run in which policies of these names and values stand under one id."""
        export = self.folder / f"{len(self.runs):03d}"
        write_export(export, *(make_policy(1, name=name, value=value) for name, value in objects), *BESIDE)
        self.runs.append(await record(self.api, self.worker, self.tenant, export))
        return self.runs[-1]

    async def generate(self, **named: Any) -> dict[str, Any]:
        return await generated(self.api, self.worker, self.tenant, **named)

    async def findings(self) -> dict[tuple[str, str, str | None, str | None], dict[str, Any]]:
        """By (kind, object's number, change type, and how many of the same there are before it)."""
        return {(f["kind"], f["display_name"], f["baseline_hash"], f["current_hash"]): f for f in await self.rows()}

    async def rows(self) -> list[dict[str, Any]]:
        return sorted(await findings_of(self.api, self.tenant), key=lambda f: (f["first_seen_at"], f["fingerprint"]))

    async def acknowledge(self, row: dict[str, Any]) -> None:
        await triage.acknowledge(self.api, self.tenant.as_(Role.OPERATOR), [row["id"]], reason="agreed")


@pytest.fixture
async def scope(owner: Database, api: Database, worker: Database, tmp_path: Path) -> Scope:
    return Scope(owner, api, worker, await make_tenant(owner, api), tmp_path)


def state(row: dict[str, Any]) -> tuple[str, str | None, bool, int]:
    return row["status"], row["resolution"], row["is_current"], row["occurrences"]


async def test_a_change_that_is_undone_before_anybody_looked_is_no_news(scope: Scope) -> None:
    for value in (1, 2, 1):
        await scope.sync({1: value})
        if len(scope.runs) > 1:
            await scope.generate()
    first, back = await scope.rows()
    assert state(first) == ("RESOLVED", "REVERTED", False, 1)
    assert state(back) == ("RESOLVED", "REVERTED", True, 1)


async def test_undoing_what_was_acknowledged_is_news(scope: Scope) -> None:
    await scope.sync({1: 1})
    await scope.sync({1: 2})
    await scope.generate()
    await scope.acknowledge((await scope.rows())[0])
    await scope.sync({1: 1})
    await scope.generate()
    first, back = await scope.rows()
    assert state(first) == ("RESOLVED", "REVERTED", False, 1)
    assert state(back) == ("NEW", None, True, 1)
    assert first["acknowledged_reason"] == "agreed"


async def test_an_acknowledged_change_that_comes_back_is_acknowledged_again(scope: Scope) -> None:
    await scope.sync({1: 1})
    await scope.sync({1: 2})
    await scope.generate()
    await scope.acknowledge((await scope.rows())[0])
    for value in (1, 2):
        await scope.sync({1: value})
        run = await scope.generate()
    first, back = await scope.rows()
    assert state(first) == ("ACKNOWLEDGED", None, True, 2)
    assert state(back) == ("RESOLVED", "REVERTED", False, 1)
    assert (run["findings_reopened"], run["findings_resolved"], run["findings_new"]) == (1, 1, 0)


async def test_with_the_previous_run_an_unreviewed_change_stays_new_when_the_object_moves_on(scope: Scope) -> None:
    for value in (1, 2, 3):
        await scope.sync({1: value})
        if len(scope.runs) > 1:
            await scope.generate()
    first, second = await scope.rows()
    assert state(first) == ("NEW", None, False, 1)
    assert first["superseded_by"] == second["id"]
    assert state(second) == ("NEW", None, True, 1)


async def test_with_a_pin_the_newer_finding_tells_the_whole_difference(scope: Scope) -> None:
    await scope.sync({1: 1})
    await triage.pin_baseline(
        scope.api, scope.tenant.as_(Role.MANAGER), scope_key=KEY, run_id=scope.runs[0], reason="golden"
    )
    with pytest.raises(RefusedError, match="two"):
        await scope.generate()
    for value in (2, 3):
        await scope.sync({1: value})
        await scope.generate()
    first, second = await scope.rows()
    assert state(first) == ("RESOLVED", "SUPERSEDED", False, 1)
    assert first["superseded_by"] == second["id"]
    assert (second["baseline_hash"], state(second)) == (first["baseline_hash"], ("NEW", None, True, 1))


async def test_pinning_accepts_what_the_pinned_run_holds_and_keeps_it_accepted(scope: Scope) -> None:
    for value in (1, 2):
        await scope.sync({1: value, 2: value})
    await scope.generate()
    await triage.pin_baseline(
        scope.api, scope.tenant.as_(Role.MANAGER), scope_key=KEY, run_id=scope.runs[1], reason="reviewed"
    )
    assert {state(row) for row in await scope.rows()} == {("RESOLVED", "BASELINED", True, 1)}
    with pytest.raises(RefusedError) as refused:
        await scope.generate()
    assert refused.value.code == "INVALID_INPUT"
    for value in (3, 2):
        await scope.sync({1: value, 2: 2})
        await scope.generate()
    by_state = sorted(state(row) for row in await scope.rows())
    assert by_state == [
        ("RESOLVED", "BASELINED", True, 1),
        ("RESOLVED", "BASELINED", True, 1),
        ("RESOLVED", "REVERTED", False, 1),
    ]


async def test_what_could_not_be_read_is_neither_removed_nor_resolved(scope: Scope) -> None:
    await scope.sync({1: 1, 2: 1})
    await scope.sync({1: 2, 2: 1})
    await scope.generate()
    await scope.sync({3: 1}, broken=True, kinds=("DeviceConfiguration",))
    run = await scope.generate()
    assert (run["added"], run["removed"], run["modified"], run["findings_resolved"]) == (0, 0, 0, 0)
    reasons = {one["item_type"]: one["reason"] for one in run["not_evaluated"]}
    assert reasons == {"configurationPolicy": "INCOMPLETE", "deviceConfiguration": "NEVER_READ_BEFORE"}
    (only,) = await scope.rows()
    assert state(only) == ("NEW", None, True, 1)
    await scope.sync({1: 1, 2: 3}, kinds=("DeviceConfiguration",))
    run = await scope.generate()
    assert (run["added"], run["removed"], run["modified"], run["not_evaluated"]) == (0, 0, 2, [])


async def test_a_type_that_the_export_no_longer_holds_is_not_evaluated(scope: Scope) -> None:
    await scope.sync({1: 1}, kinds=("DeviceConfiguration",))
    await scope.sync({1: 1})
    run = await scope.generate()
    assert run["removed"] == 0
    assert [(one["item_type"], one["reason"]) for one in run["not_evaluated"]] == [("deviceConfiguration", "ABSENT")]


async def test_every_recorded_run_is_generated_and_a_pair_generated_late_changes_no_status(scope: Scope) -> None:
    for value in (1, 2, 3, 1):
        await scope.sync({1: value})
    newest = await scope.generate(current_run_id=scope.runs[3])
    assert (newest["baseline_seq"], newest["current_seq"]) == (3, 4)
    run = await scope.generate()
    assert run["id"] == newest["id"]
    rows = await scope.rows()
    assert len(rows) == 3
    assert [state(row)[:2] for row in rows] == [("RESOLVED", "REVERTED"), ("NEW", None), ("NEW", None)]


async def test_generating_again_changes_nothing(scope: Scope) -> None:
    await scope.sync({1: 1, 2: 1})
    await scope.sync({1: 2, 3: 1})
    first = await scope.generate()
    before = await scope.rows()
    again = await scope.generate()
    assert (again["id"], await scope.rows()) == (first["id"], before)


async def test_the_same_sequence_in_another_tenant_differs_in_nothing_but_what_its_key_makes(
    scope: Scope, owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    other = Scope(owner, api, worker, await make_tenant(owner, api), tmp_path / "other")
    told = []
    for one in (scope, other):
        await one.sync({1: 1, 2: 1})
        await one.sync({1: 2, 3: 1})
        await one.generate()
        told.append(
            sorted(
                (row["external_id"], row["change_type"], row["severity"], row["severity_reasons"], row["change_count"])
                for row in await one.rows()
            )
        )
    assert told[0] == told[1]
    assert len(told[0]) == 3


async def test_pinning_a_run_that_never_read_a_type_accepts_nothing_of_it(scope: Scope) -> None:
    """A device configuration goes between the runs 2 and 3; the pinned run 1 had read none of its type."""
    for devices in ((), (1, 2, 3), (1, 2)):
        export = write_export(scope.folder / f"{len(scope.runs)}", make_policy(1))
        if devices:
            odata = "#microsoft.graph.windows10GeneralConfiguration"
            objects = [{"@odata.type": odata, "id": f"device {n}", "displayName": f"Device {n}"} for n in devices]
            write_export(export, *objects, kind="DeviceConfiguration")
        scope.runs.append(await record(scope.api, scope.worker, scope.tenant, export))
    await scope.generate()
    context = scope.tenant.as_(Role.MANAGER)
    await triage.pin_baseline(scope.api, context, scope_key=KEY, run_id=scope.runs[0], reason="golden")
    (removed,) = await scope.rows()
    assert (removed["change_type"], state(removed)) == ("REMOVED", ("NEW", None, True, 1))
    await triage.pin_baseline(scope.api, context, scope_key=KEY, run_id=scope.runs[2], reason="reviewed")
    assert {state(row) for row in await scope.rows()} == {("RESOLVED", "BASELINED", True, 1)}


async def test_objects_under_one_id_stay_themselves_from_run_to_run(scope: Scope) -> None:
    """Each step is one change, whatever it is: of equal names one changes and one goes, one is renamed, one goes."""
    steps = [
        ([("A", 1), ("A", 2)], None),
        ([("A", 1), ("A", 3)], ("MODIFIED", "A")),
        ([("A", 3)], ("REMOVED", "A")),
        ([("B", 5), ("A", 3)], ("ADDED", "B")),
        ([("C", 5), ("A", 3)], ("MODIFIED", "C")),
        ([("A", 4), ("C", 5)], ("MODIFIED", "A")),
    ]
    told = set[str]()
    for objects, expected in steps:
        await scope.sync_shared(*objects)
        if expected is None:
            continue
        run = await scope.generate()
        rows = [row for row in await scope.rows() if row["kind"] != "DATA_QUALITY" and row["fingerprint"] not in told]
        assert [(row["change_type"], row["display_name"]) for row in rows] == [expected]
        assert run["added"] + run["removed"] + run["modified"] == 1
        told |= {row["fingerprint"] for row in rows}


async def test_an_id_that_is_shared_no_more_clears_its_finding_and_one_that_is_again_reopens_it(scope: Scope) -> None:
    await scope.sync_shared(("A", 1))
    lives = []
    for objects in ([("A", 1), ("B", 1)], [("A", 1)], [("A", 1), ("B", 1)]):
        await scope.sync_shared(*objects)
        run = await scope.generate()
        (quality,) = [row for row in await scope.rows() if row["kind"] == "DATA_QUALITY"]
        lives.append((state(quality), run["findings_reopened"]))
    assert "2 objects came under one id (“A”, “B”)" in quality["severity_reasons"][0]
    assert lives == [
        (("NEW", None, True, 1), 0),
        (("RESOLVED", "CLEARED", False, 1), 0),
        (("NEW", None, True, 2), 2),
    ]


async def test_an_id_shared_in_an_older_pair_stands_where_the_newest_run_could_not_read_its_type(scope: Scope) -> None:
    """Nobody knows that its cause is gone, so it is not born CLEARED."""
    await scope.sync_shared(("A", 1))
    await scope.sync_shared(("A", 1), ("B", 1))
    await scope.sync({1: 1}, broken=True, kinds=("DeviceConfiguration",))
    for baseline, current in ((0, 2), (0, 1)):
        await scope.generate(baseline_run_id=scope.runs[baseline], current_run_id=scope.runs[current])
    (quality,) = [row for row in await scope.rows() if row["kind"] == "DATA_QUALITY"]
    assert state(quality) == ("NEW", None, True, 1)
