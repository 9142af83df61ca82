"""`Finding.changedBy`: the source's events of the time between the two readings, beside the finding."""

from typing import Any
from uuid import uuid4

from sqlalchemy import text

from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from atlas.store.tables import source_events
from tests.factories import Tenant, make_tenant
from tests.schema.asking import Asker, counted
from tests.schema.rows import CONFIGURATIONS, Scope, at, make_findings, make_scope, put, record_run

CHANGED_BY = """findings(first: 50, orderBy: SUBJECT_NAME_ASC) { nodes { subject { displayName } changedBy { confidence
    events { at activity operation actorKind actorId actorName correlationId } } } }"""


async def tell(owner: Database, tenant: Tenant, resource: str, hour: int, actor: str = "ada", **values: Any) -> None:
    row = {
        "tenant_id": tenant.id,
        "id": uuid4().hex,
        "resource_id": resource,
        "activity": "Patch DeviceConfiguration",
        "operation": "Patch",
        "actor_kind": "USER",
        "actor_id": actor,
        "at": at(hour),
    }
    async with owner.transaction(tenant.owner) as connection:
        await put(connection, source_events, row | values)


async def changed_by(ask: Asker) -> dict[str, tuple[str, list[str]]]:
    page = (await ask.in_tenant(f"{{ {CHANGED_BY} }}"))["findings"]["nodes"]
    return {
        node["subject"]["displayName"]: (
            node["changedBy"]["confidence"],
            [event["actorId"] for event in node["changedBy"]["events"]],
        )
        for node in page
    }


async def named(owner: Database, scope: Scope, *external_ids: str, **values: Any) -> None:
    await make_findings(owner, scope, [{"external_id": one, "display_name": one} | values for one in external_ids])


async def test_each_finding_of_a_page_tells_who_changed_its_object(owner: Database, tenant: Tenant, ask: Asker) -> None:
    """The first run is read from hour 1 to 2, the second from 2 to 3."""
    scope = await make_scope(owner, tenant)
    await named(owner, scope, "exact", "several", "nobody", "early", "late", "shared", "shared~0123abcd", "read")
    await named(owner, scope, "quality", kind="DATA_QUALITY", change_type=None)
    for resource in ("exact", "several", "shared", "quality"):
        await tell(owner, tenant, resource, 2)
    await tell(owner, tenant, "several", 3, "eve")
    await tell(owner, tenant, "early", 1)
    await tell(owner, tenant, "late", 4)
    await tell(owner, tenant, "read", 2, operation="Get")
    assert await changed_by(ask) == {
        "exact": ("EXACT", ["ada"]),
        "several": ("AMBIGUOUS", ["eve", "ada"]),
        "nobody": ("NONE", []),
        "early": ("NONE", []),
        "late": ("NONE", []),
        "read": ("NONE", []),
        "shared": ("EXACT", ["ada"]),
        "shared~0123abcd": ("AMBIGUOUS", ["ada"]),
        "quality": ("NONE", []),
    }


async def test_what_could_not_be_read_was_changed_since_it_was_last_read(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    """The baseline's content is carried over from an earlier run: the window begins there."""
    scope = await make_scope(owner, tenant, runs=1)
    await record_run(owner, scope, seq=2, hour=20, coverage="FAILED", status="PARTIAL")
    await record_run(owner, scope, seq=3, hour=30)
    pair = {"baseline_run_id": scope.runs[1], "current_run_id": scope.runs[2], "item_type": CONFIGURATIONS}
    await named(owner, scope, "unread", **pair)
    await tell(owner, tenant, "unread", 10)
    assert await changed_by(ask) == {"unread": ("EXACT", ["ada"])}


async def test_an_event_is_told_whole(owner: Database, tenant: Tenant, ask: Asker) -> None:
    scope = await make_scope(owner, tenant)
    await named(owner, scope, "exact")
    program = {"actor_kind": "APPLICATION", "actor_name": "Pipeline", "correlation_id": "run 7"}
    await tell(owner, tenant, "exact", 2, "an id", **program)
    (node,) = (await ask.in_tenant(f"{{ {CHANGED_BY} }}"))["findings"]["nodes"]
    assert node["changedBy"]["events"] == [
        {
            "at": "2026-11-01T10:00:00.000000Z",
            "activity": "Patch DeviceConfiguration",
            "operation": "Patch",
            "actorKind": "APPLICATION",
            "actorId": "an id",
            "actorName": "Pipeline",
            "correlationId": "run 7",
        }
    ]


async def test_the_events_of_another_tenant_say_nothing(
    owner: Database, api: Database, tenant: Tenant, ask: Asker
) -> None:
    await named(owner, await make_scope(owner, tenant), "exact")
    await tell(owner, await make_tenant(owner, api), "exact", 2)
    assert await changed_by(ask) == {"exact": ("NONE", [])}
    assert await changed_by(Asker(api, tenant, Role.READER)) == {"exact": ("NONE", [])}


async def test_a_page_costs_one_statement_and_no_look_at_the_events_of_other_objects(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    await named(owner, await make_scope(owner, tenant), *(f"object {number:02d}" for number in range(50)))
    await tell(owner, tenant, "object 07", 2)
    with counted(ask.api) as statements:
        found = await changed_by(ask)
    assert found["object 07"] == ("EXACT", ["ada"])
    # The tenant, the page, and who changed them.
    assert len(statements) == 3


async def test_the_events_are_found_by_their_index(owner: Database, api: Database, tenant: Tenant) -> None:
    """A policy must not keep the comparison of ids from it."""
    await named(owner, await make_scope(owner, tenant), "exact")
    many = """insert into atlas.source_events (tenant_id, id, resource_id, activity, operation, actor_kind, at)
        select :t, n::text, n::text, 'Patch', 'Patch', 'UNKNOWN', now() from generate_series(1, 5000) n"""
    from atlas.store.source_events import _AROUND

    async with owner.transaction(tenant.owner) as connection:
        await connection.execute(text(many.replace("::", r"\:\:")), {"t": tenant.id})
    async with owner.transaction() as connection:
        await connection.execute(text("analyze atlas.source_events"))
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        explain = text("explain " + str(_AROUND.text)).bindparams(*_AROUND._bindparams.values())
        plan = await connection.execute(explain, {"tenant": tenant.id, "ids": [uuid4()], "most": 101})
        told = "\n".join(plan.scalars())
    assert "source_events_resource" in told
    assert "Seq Scan on source_events" not in told
