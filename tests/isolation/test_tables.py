"""Every table with rows of tenants, from the catalogue: empty to `atlas_api` without a context or with a wrong one."""

from collections.abc import Mapping

import pytest_asyncio
from sqlalchemy import text

from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Role
from atlas.store.database import Context, Database
from tests.isolation.oracle import Judged
from tests.isolation.world import World

DENIED = "denied"

# What no use case of the world writes.
BY_HAND = (
    """insert into atlas.graph_connections
        (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, reference)
        values (:id, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'GLOBAL', 'CLIENT_SECRET', 'env:NONE')""",
    """insert into atlas.staged_items
        (tenant_id, run_id, item_type, external_id, hash, settings_hash, display_name, item_id)
        select r.tenant_id, r.id, 'type', 'id', c.hash, c.hash, 'A held object', gen_random_uuid()
        from atlas.sync_runs r join atlas.contents c on c.tenant_id = r.tenant_id
        where r.tenant_id = :id limit 1 on conflict do nothing""",
    "insert into atlas.prune_runs (tenant_id, keep_days) values (:id, 30) on conflict do nothing",
    "insert into atlas.hash_aliases (tenant_id, old_hash, new_hash) values (:id, 'c0:an old hash', 'c1:a new hash')",
)

# Everything else of the schema is a tenant's, a principal's or of one; these say nothing of anybody.
COMMON = {"roles", "role_capabilities", "trusted_documents", "alembic_version"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(world: World) -> World:
    """The world with a row in every table of both tenants."""
    async with world.databases.owner.transaction() as connection:
        for realm in world.realms:
            for statement in BY_HAND:
                await connection.execute(text(statement), {"id": realm.id})
    return world


async def tables(owner: Database) -> list[str]:
    query = """select relname from pg_class where relnamespace = 'atlas'::regnamespace
        and relkind in ('r', 'p', 'v', 'm', 'f') order by 1"""
    async with owner.transaction() as connection:
        return [name for name in (await connection.scalars(text(query))).all() if name not in COMMON]


async def columns(owner: Database, table: str) -> str:
    """Those that `atlas_api` may read: of some tables not all."""
    query = """select coalesce(string_agg(quote_ident(attname), ', '), '*') from pg_attribute
        where attrelid = cast(:table as regclass) and attnum > 0 and not attisdropped
          and has_column_privilege('atlas_api', attrelid, attnum, 'select')"""
    async with owner.transaction() as connection:
        return str(await connection.scalar(text(query), {"table": f"atlas.{table}"}))


async def counted(db: Database, context: Context, table: str, named: str = "*") -> int | str:
    """How many rows this role sees in this context, or that it may not look."""
    try:
        async with db.transaction(context) as connection:
            return len((await connection.execute(text(f"select {named} from atlas.{table}"))).all())
    except RefusedError:
        return DENIED


def wrong_contexts(world: World) -> Mapping[str, Context]:
    alpha, beta = world.realms
    return {
        "none": Context(),
        "a tenant and nobody": Context(tenant_id=alpha.id),
        "a stranger": Context(tenant_id=alpha.id, principal_id=beta.tenant.members[Role.OWNER]),
        "somebody who never was": Context(tenant_id=alpha.id, principal_id=alpha.id),
        "a job and no lease": Context(tenant_id=alpha.id, job_id=alpha.id, lease_token=alpha.id),
    }


async def test_without_a_right_context_every_table_reads_empty(filled: World, judged: Judged) -> None:
    world, owner, api = filled, filled.databases.owner, filled.databases.api
    own = {"memberships", "principals", "tenants"}
    for table in await tables(owner):
        named = await columns(owner, table)
        assert await counted(owner, Context(), table), f"the control: {table} is empty to the owner too"
        right = await counted(api, world.alpha.tenant.owner, table, named)
        for name, context in wrong_contexts(world).items():
            judged.cases += 1
            found = await counted(api, context, table, named)
            if name == "a stranger" and table in own:
                assert found == 1, f"{table}: a principal's own row needs no tenant"
            else:
                assert found == (DENIED if right == DENIED else 0), (table, name)


async def test_a_right_context_shows_the_rows_of_its_tenant_alone(filled: World, judged: Judged) -> None:
    world, owner, api = filled, filled.databases.owner, filled.databases.api
    seen = 0
    for table in await tables(owner):
        named = await columns(owner, table)
        if "tenant_id" not in named.split(", "):
            continue
        for realm in world.realms:
            judged.cases += 1
            async with owner.transaction() as connection:
                query = text(f"select count(*) from atlas.{table} where tenant_id = :id")
                theirs = await connection.scalar(query, {"id": realm.id})
            found = await counted(api, realm.tenant.owner, table, named)
            if table == "idempotency_keys":
                assert found == 0, "a key is its principal's, and the owner used none"
                found = await counted(api, realm.tenant.as_(Role.OPERATOR), table, named)
            assert found == theirs
            seen += bool(found)
    assert seen >= 30
