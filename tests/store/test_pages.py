"""Pages from an index under row level security, and prefixes as ranges."""

from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.vocabulary import Role
from atlas.store import audit, drift_runs, findings, inventory, sync_runs
from atlas.store.database import Database
from atlas.store.filters import TextFilter, TimeFilter, prefix_end
from atlas.store.pages import Listing, Order, Slice, Window, fetch_counts, fetch_slices
from tests.store.world import World, make_world, run

# One tenant with many findings beside one with few: the planner does not know which of them asks.
MANY = """
insert into atlas.findings (tenant_id, id, scope_id, kind, fingerprint, change_type, severity, severity_reasons, status,
                            is_current, item_type, external_id, item_id, display_name, evidence, change_count,
                            baseline_run_id, current_run_id, first_seen_at, last_seen_at)
    select :tenant, gen_random_uuid(), :scope, 'DRIFT', 'f1:' || gen_random_uuid(), 'ADDED',
           (array['LOW', 'MEDIUM', 'HIGH'])[n % 3 + 1], array[]::text[], 'NEW', true, 'deviceConfigurations', n::text,
           gen_random_uuid(), 'Policy ' || n % 500, '', 1, :baseline_run, :current_run,
           now() + n % 700 * '1 s'::interval,
           now() + n % 700 * '1 s'::interval
    from generate_series(1, 8000) n
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowd(owner: Database) -> World:
    world = await make_world(owner)
    await make_world(owner)
    async with owner.transaction(world.context()) as connection:
        await run(connection, MANY, world.ids)
        for table in ("findings", "sync_runs", "drift_runs", "audit_events", "item_intervals"):
            await connection.execute(text(f"analyze atlas.{table}"))
    return world


@pytest.mark.parametrize("name", findings.ORDERS)
@pytest.mark.parametrize("backward", [False, True])
async def test_a_page_of_findings_comes_from_the_index_of_its_order(
    api: Database, crowd: World, name: str, backward: bool
) -> None:
    order = findings.ORDERS[name]
    listing = Listing(findings.of_tenant, order, findings.FindingFilter())
    async with api.transaction(crowd.context(Role.READER), readonly=True) as connection:
        position = await middle(connection, crowd, listing)
        window = Window(50, backward=backward, **{"before" if backward else "after": position})
        plan = await explained(connection, crowd.tenant, listing, window, crowd.tenant)
    assert "Sort" not in plan
    assert "Seq Scan on findings" not in plan
    # The whole row is compared in the index, so that nothing is read to be thrown away.
    assert "Index Cond" in plan
    assert "ROW(" in plan.split("Index Cond", 1)[1].split("\n", 1)[0]


@pytest.mark.parametrize(
    "wanted",
    [
        findings.FindingFilter(subject_name=TextFilter(starts_with="Policy 77")),
        findings.FindingFilter(subject_name=TextFilter(eq="Policy 77")),
        findings.FindingFilter(subject_name=TextFilter(any_of=("Policy 77", "Policy 78"))),
    ],
)
async def test_names_are_found_by_their_index(api: Database, crowd: World, wanted: findings.FindingFilter) -> None:
    listing = Listing(findings.of_tenant, findings.ORDERS["SUBJECT_NAME_ASC"], wanted)
    async with api.transaction(crowd.context(Role.READER), readonly=True) as connection:
        plan = await explained(connection, crowd.tenant, listing, Window(50), crowd.tenant)
    assert "findings_name" in plan
    assert "display_name" in plan.split("Index Cond", 1)[1].split("\n", 1)[0]


async def test_a_scope_named_by_its_key_is_looked_up_once(api: Database, crowd: World) -> None:
    wanted = findings.FindingFilter(scope_key=TextFilter(eq=f"s1:{crowd.scope}"))
    listing = Listing(findings.of_tenant, findings.ORDERS["LAST_SEEN_AT_DESC"], wanted)
    async with api.transaction(crowd.context(Role.READER), readonly=True) as connection:
        plan = await explained(connection, crowd.tenant, listing, Window(50), crowd.tenant)
        found = (await fetch_slices(connection, crowd.tenant, listing, Window(50), [crowd.tenant]))[crowd.tenant]
    assert "Sort" not in plan
    assert len(found.rows) == 50


LISTINGS = [
    *(Listing(findings.of_scope, order, findings.FindingFilter()) for order in findings.ORDERS.values()),
    *(Listing(sync_runs.of_scope, order, sync_runs.SyncRunFilter()) for order in sync_runs.ORDERS.values()),
    *(Listing(drift_runs.of_scope, order, drift_runs.DriftRunFilter()) for order in drift_runs.ORDERS.values()),
    Listing(findings.of_scope, findings.ORDERS["LAST_SEEN_AT_DESC"], findings.FindingFilter(last_seen_at=TimeFilter())),
]


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.order.name)
@pytest.mark.parametrize("backward", [False, True])
async def test_lists_read_together_are_the_lists_read_alone(
    owner: Database, api: Database, world: World, listing: Listing, backward: bool
) -> None:
    async with owner.transaction(world.context()) as connection:
        other = {"scope": uuid4(), "tenant": world.tenant, "key": f"s1:{uuid4()}"}
        await run(
            connection,
            "insert into atlas.scopes (tenant_id, id, key, source, selection, label)"
            " values (:tenant, :scope, :key, 'FOLDER', '{}', 'x')",
            other,
        )
    parents = [world.scope, other["scope"], uuid4()]
    window = Window(1, backward=backward)
    async with api.transaction(world.context(Role.READER), readonly=True) as connection:
        together = await fetch_slices(connection, world.tenant, listing, window, parents)
        counts = await fetch_counts(connection, world.tenant, listing, parents)
        for parent in parents:
            alone = (await fetch_slices(connection, world.tenant, listing, window, [parent]))[parent]
            assert told(together[parent], listing.order) == told(alone, listing.order)
            assert alone.more == (counts[parent] > 1)
            assert len(alone.rows) == min(counts[parent], 1)
    assert counts[world.scope] > 0


def told(part: Slice, order: Order) -> tuple[list[Any], bool]:
    return [order.position(row) for row in part.rows], part.more


@pytest.mark.parametrize(
    ("listing", "index"),
    [
        (Listing(audit.of_finding, audit.ORDER), "audit_events_target"),
        (Listing(inventory.versions_of_item, inventory.NEWEST_FIRST), "item_intervals_item"),
    ],
)
async def test_histories_have_their_index(api: Database, crowd: World, listing: Listing, index: str) -> None:
    async with api.transaction(crowd.context(Role.READER)) as connection:
        await connection.execute(text("set local enable_seqscan = off"))
        plan = await explained(connection, crowd.tenant, listing, Window(5), crowd.item)
    assert index in plan
    assert "Sort" not in plan


async def middle(connection: AsyncConnection, world: World, listing: Listing) -> tuple[Any, ...]:
    part = (await fetch_slices(connection, world.tenant, listing, Window(100), [world.tenant]))[world.tenant]
    return listing.order.position(part.rows[60])


async def explained(
    connection: AsyncConnection, tenant_id: UUID, listing: Listing, window: Window, parent: UUID
) -> str:
    """The plan of exactly the statement that a page sends, with its values bound.

    What is asked is whether the index can be used under the policies, not what a planner with yesterday's statistics
    thinks of it, so the other ways are made dear.
    """
    for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
        await connection.execute(text(f"set local enable_{way} = off"))
    sent: list[Select[Any]] = []

    class Spy:
        async def execute(self, statement: Select[Any]) -> Any:
            sent.append(statement)
            return await connection.execute(statement)

    await fetch_slices(Spy(), tenant_id, listing, window, [parent])  # type: ignore[arg-type]
    compiled = sent[0].compile(dialect=connection.dialect)
    rows = await connection.exec_driver_sql(
        f"explain {compiled}", tuple(compiled.params[name] for name in compiled.positiontup or ())
    )
    return "\n".join(row[0] for row in rows)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\ud7ff\ue000\U0010ffff\U0010fffea"))


@given(TEXTS, TEXTS)
def test_a_prefix_is_the_range_up_to_its_end(prefix: str, value: str) -> None:
    end = prefix_end(prefix)
    if prefix:
        inside = value.encode() >= prefix.encode() and (end is None or value.encode() < end.encode())
        assert inside == value.startswith(prefix)


@given(TEXTS, TEXTS)
def test_what_begins_with_a_prefix_is_in_its_range(prefix: str, more: str) -> None:
    end = prefix_end(prefix)
    if prefix and end is not None:
        assert prefix.encode() <= (prefix + more).encode() < end.encode()


def test_a_prefix_of_the_last_code_points_has_no_end() -> None:
    assert prefix_end("") is None
    assert prefix_end("\U0010ffff\U0010ffff") is None
    assert prefix_end("a\U0010ffff") == "b"
    assert prefix_end("\ud7ff") == "\ue000"
