"""The proof fails when what it proves is taken away: each policy, each grant and each check, one at a time."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from atlas.store.database import Database
from tests.isolation.anchors import Anchors
from tests.isolation.documents import DECLARED, Document, Root, query_of
from tests.isolation.oracle import Judged, judge
from tests.isolation.test_oracle import OPENED
from tests.isolation.world import World

# The one question that every policy asks, without the membership, and without the capability.
NO_MEMBERSHIP = "select nullif(current_setting('atlas.tenant_id', true), '')::uuid"
NO_CAPABILITY = """
    select m.tenant_id from atlas.memberships m
    where m.principal_id = nullif(current_setting('atlas.principal_id', true), '')::uuid
      and m.tenant_id = nullif(current_setting('atlas.tenant_id', true), '')::uuid"""
TABLES = sorted({table for tables in OPENED.values() for table in tables})


def document_of(kind: str) -> Document:
    query = query_of(f"node(id: $id) {{ ... on {kind} {{ of: id __typename }} }}", DECLARED)
    return Document(Root("node", "", "", ("node",), kind=kind), ((),), query)


def kind_of(table: str) -> str:
    return next(kind for kind, tables in OPENED.items() if table in tables)


@asynccontextmanager
async def changed(owner: Database, change: Sequence[str], back: Sequence[str]) -> AsyncIterator[None]:
    async with owner.transaction() as connection:
        for statement in change:
            await connection.execute(text(statement))
    try:
        yield
    finally:
        async with owner.transaction() as connection:
            for statement in back:
                await connection.execute(text(statement))


async def complaints(world: World, anchors: Anchors, document: Document) -> list[str]:
    judged = Judged()
    await judge(judged, world, document, world.alpha, anchors)
    return judged.complaints


@pytest.mark.parametrize("table", TABLES)
async def test_a_dropped_policy_fails_the_proof(world: World, anchors: tuple[Anchors, Anchors], table: str) -> None:
    owner = world.databases.owner
    async with owner.transaction() as connection:
        condition = await connection.scalar(
            text(
                "select qual from pg_policies"
                " where schemaname = 'atlas' and tablename = :t and policyname = 'api_select'"
            ),
            {"t": table},
        )
    drop = f"drop policy api_select on atlas.{table}"
    make = f"create policy api_select on atlas.{table} for select to atlas_api using ({condition})"
    assert await complaints(world, anchors[0], document_of(kind_of(table))) == []
    async with changed(owner, [drop], [make]):
        assert await complaints(world, anchors[0], document_of(kind_of(table)))


@pytest.mark.parametrize("table", TABLES)
async def test_a_revoked_grant_fails_the_proof(world: World, anchors: tuple[Anchors, Anchors], table: str) -> None:
    owner = world.databases.owner
    async with owner.transaction() as connection:
        rows = await connection.execute(
            text(
                "select column_name from information_schema.column_privileges where grantee = 'atlas_api'"
                " and table_schema = 'atlas' and table_name = :t and privilege_type = 'SELECT' order by 1"
            ),
            {"t": table},
        )
        columns = ", ".join(rows.scalars())
        whole = await connection.scalar(
            text("select has_table_privilege('atlas_api', 'atlas.' || :t, 'select')"), {"t": table}
        )
    revoke = [
        f"revoke select on atlas.{table} from atlas_api",
        f"revoke select ({columns}) on atlas.{table} from atlas_api",
    ]
    grant = f"grant select {'' if whole else f'({columns})'} on atlas.{table} to atlas_api"
    async with changed(owner, revoke, [grant]):
        assert await complaints(world, anchors[0], document_of(kind_of(table)))


@asynccontextmanager
async def weakened(owner: Database, body: str) -> AsyncIterator[None]:
    """The database's own question, answered by this body instead."""
    async with owner.transaction() as connection:
        definition = await connection.scalar(text("select pg_get_functiondef('atlas.tenant_for(text)'::regprocedure)"))
    weak = (
        "create or replace function atlas.tenant_for(capability text) returns uuid language sql stable security definer"
        f" set search_path = pg_catalog, pg_temp return ({body})"
    )
    async with changed(owner, [weak], [str(definition)]):
        yield


async def test_without_the_check_of_membership_the_proof_fails(world: World, anchors: tuple[Anchors, Anchors]) -> None:
    async with weakened(world.databases.owner, NO_MEMBERSHIP):
        assert await complaints(world, anchors[0], document_of("Finding"))


@pytest.mark.parametrize("kind", ["AuditEvent", "GraphApplication", "Membership"])
async def test_without_the_check_of_the_capability_the_proof_fails(
    world: World, anchors: tuple[Anchors, Anchors], kind: str
) -> None:
    """The application asks for nothing on the way to an object: that a READER is not shown it, the database says."""
    assert await complaints(world, anchors[0], document_of(kind)) == []
    async with weakened(world.databases.owner, NO_CAPABILITY):
        found = await complaints(world, anchors[0], document_of(kind))
    assert [one for one in found if "by READER of alpha" in one]
