"""An untouched database has no offence, and each thing that can go wrong is found."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
import pytest_asyncio
from sqlalchemy import text

from atlas.store.database import Database, open_database
from atlas.store.lint import CHANGED_GUARD, WIDER_GRANT, lint
from atlas.store.lint_rules import RULES
from tests.store.conftest import Server

# What somebody might do to a database, and the rule that must find it.
MUTATIONS: tuple[tuple[str, str, str], ...] = (
    ("alter table atlas.findings disable row level security", "tenant table without row level security", "findings"),
    (
        "alter table atlas.findings no force row level security",
        "tenant table whose owner goes around row level security", "findings",
    ),
    (
        "create table atlas.notes (tenant_id uuid not null primary key);"
        "alter table atlas.notes enable row level security, force row level security",
        "tenant table without a policy", "notes",
    ),
    ("create table atlas.loose (tenant_id uuid)", "tenant_id that may be null", "loose"),
    ("create table public.notes (n int); grant select (n) on public.notes to atlas_api",
     "table of an application role without row level security", "public.notes"),
    ("create type atlas.colour as enum ('red'); alter table atlas.scopes add colour atlas.colour",
     "enum column, whose equality uses no index under a policy", "atlas.scopes.colour"),
    ("create type atlas.colour as enum ('red'); alter table atlas.scopes add colours atlas.colour[]",
     "enum column, whose equality uses no index under a policy", "atlas.scopes.colours"),
    ("alter table atlas.findings add constraint one unique (fingerprint)",
     "key between tenants: a primary, unique or foreign key without tenant_id", "findings.one"),
    ("create unique index one on atlas.findings (fingerprint) include (tenant_id)",
     "key between tenants: a primary, unique or foreign key without tenant_id", "findings.one"),
    ("create unique index one on atlas.scopes (id);"
     "alter table atlas.findings add constraint far foreign key (scope_id) references atlas.scopes (id)",
     "key between tenants: a primary, unique or foreign key without tenant_id", "findings.far"),
    ("create index loose on atlas.findings (status, tenant_id)", "index that does not begin with tenant_id", "findings.loose"),
    ("alter table atlas.findings disable trigger audit_finding", "trigger that is switched off", "atlas.findings.audit_finding"),
    ("alter policy api_select on atlas.findings using (tenant_id = current_setting('atlas.tenant_id')::uuid)",
     "policy that asks for each row instead of once a query", "findings.api_select"),
    ("alter policy api_select on atlas.findings using (tenant_id = atlas.tenant_for('READ'))",
     "policy that asks for each row instead of once a query", "findings.api_select"),
    ("create policy all_of_it on atlas.findings for select using (tenant_id = (select atlas.tenant_for('READ')))",
     "policy for everybody", "findings.all_of_it"),
    ("alter policy api_select on atlas.findings using (true)",
     "policy that does not ask for the context", "findings.api_select"),
    ("create policy more on atlas.findings for select to atlas_worker using (status = 'NEW')",
     "policy that does not ask for the context", "findings.more"),
    ("drop policy worker_update on atlas.findings", "grant without a policy for its command",
     "findings for UPDATE to atlas_worker"),
    ("create view atlas.open as select * from atlas.findings", "view that reads with its owner's rights", "atlas.open"),
    ("create view public.open with (security_invoker = false) as select 1; grant select on public.open to public",
     "view that reads with its owner's rights", "public.open"),
    ("create materialized view public.kept as select 1; grant select on public.kept to atlas_api",
     "materialized view that an application role may read: it has no policies", "public.kept"),
    ("alter function atlas.tenant_for(text) reset search_path",
     "SECURITY DEFINER function without a pinned search_path", "atlas.tenant_for(text)"),
    ("create function public.f() returns int language sql security definer set search_path = public return 1",
     "SECURITY DEFINER function without a pinned search_path", "public.f()"),
    ("alter function atlas.tenant_for(text) owner to atlas_owner",
     "SECURITY DEFINER function of a role that bypasses the policies", "atlas.tenant_for(text)"),
    ("grant execute on function atlas.write_audit to public",
     "function that everybody may execute", "atlas.write_audit(uuid,text,text,uuid,jsonb,jsonb)"),
    ("create function atlas.f() returns int language sql return 1", "function that everybody may execute", "atlas.f()"),
    ("alter role atlas_api bypassrls", "role with more rights than it needs", "atlas_api"),
    ("alter role atlas_worker superuser", "role with more rights than it needs", "atlas_worker"),
    ("alter role atlas_policy login", "role with more rights than it needs", "atlas_policy"),
    ("alter role atlas_sweeper rename to gone", "role that is missing", "atlas_sweeper"),
    ("grant atlas_owner to atlas_api", "application role that is a member of another role", "atlas_api in atlas_owner"),
    ("grant pg_read_all_data to atlas_worker", "application role that is a member of another role",
     "atlas_worker in pg_read_all_data"),
    ("create table public.mine (n int); alter table public.mine owner to atlas_api",
     "application role that owns something", "public.mine"),
    ("grant truncate on atlas.findings to atlas_api",
     "application role that may TRUNCATE, REFERENCE or put triggers on a table", "atlas.findings by atlas_api"),
    ("grant trigger on atlas.findings to public",
     "application role that may TRUNCATE, REFERENCE or put triggers on a table", "atlas.findings by atlas_sweeper"),
    ("grant references (id) on atlas.findings to atlas_worker",
     "application role that may TRUNCATE, REFERENCE or put triggers on a table", "atlas.findings by atlas_worker"),
    ("grant create on schema atlas to atlas_api", "application role that may create objects", "schema atlas by atlas_api"),
    ("grant create on schema public to public", "application role that may create objects", "schema public by atlas_worker"),
    ("grant set on parameter session_replication_role to atlas_api",
     "application role that may set a parameter of the superuser's", "session_replication_role by atlas_api"),
    # A grant that is too wide, of each kind.
    ("grant update (severity) on atlas.findings to atlas_api", WIDER_GRANT,
     "grant update on column findings.severity to atlas_api"),
    ("grant update on atlas.findings to atlas_api", WIDER_GRANT, "grant update on relation findings to atlas_api"),
    ("grant select on atlas.findings to atlas_sweeper", WIDER_GRANT, "grant select on relation findings to atlas_sweeper"),
    ("grant insert on atlas.audit_events to atlas_worker", WIDER_GRANT,
     "grant insert on relation audit_events to atlas_worker"),
    ("grant select (hash) on atlas.api_tokens to atlas_api", WIDER_GRANT,
     "grant select on column api_tokens.hash to atlas_api"),
    ("grant execute on function atlas.accept_baseline(uuid) to atlas_worker", WIDER_GRANT,
     "grant execute on function atlas.accept_baseline(uuid) to atlas_worker"),
    ("grant select on atlas.roles to atlas_api with grant option", WIDER_GRANT,
     "grant select on relation roles to atlas_api with grant option"),
    ("alter default privileges for role atlas_owner in schema atlas grant select on tables to atlas_sweeper", WIDER_GRANT,
     "grant select on default of r atlas to atlas_sweeper"),
    # What no rule knows of is unlike the release.
    ("drop policy api_select on atlas.findings", CHANGED_GUARD, "- policy findings.api_select"),
    ("drop trigger audit_finding on atlas.findings", CHANGED_GUARD, "- trigger findings.audit_finding"),
    ("alter policy api_update on atlas.findings using (tenant_id = (select atlas.tenant_for('READ')))", CHANGED_GUARD,
     "+ policy findings.api_update"),
    ("create or replace function atlas.stamp_triage() returns trigger language plpgsql set search_path = pg_catalog, pg_temp"
     " as $$ begin return new; end $$", CHANGED_GUARD, "+ function atlas.stamp_triage()"),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def superuser(server: Server) -> AsyncIterator[Database]:
    database = open_database(server.url("postgres"), size=1)
    yield database
    await database.close()


class Undo(Exception):  # noqa: N818
    """Rolls the mutation back."""


@pytest.mark.parametrize("role", ["atlas_api", "atlas_worker", "atlas_sweeper", "atlas_owner"])
async def test_an_untouched_database_has_no_offence_whoever_looks(server: Server, role: str) -> None:
    database = open_database(server.url(role), size=1)
    async with database.transaction(readonly=True) as connection:
        assert await lint(connection) == []
    await database.close()


@pytest.mark.parametrize(("mutation", "rule", "found"), MUTATIONS, ids=[mutation[0][:70] for mutation in MUTATIONS])
async def test_a_mutation_is_found_by_its_rule(superuser: Database, mutation: str, rule: str, found: str) -> None:
    with suppress(Undo):
        async with superuser.transaction() as connection:
            for statement in mutation.split(";") if "$$" not in mutation else [mutation]:
                await connection.exec_driver_sql(statement)
            offences = [o.object for o in await lint(connection) if o.rule == rule]
            raise Undo
    assert any(offence.startswith(found) for offence in offences), offences


def test_every_rule_is_proved_by_a_mutation() -> None:
    assert {rule.name for rule in RULES} | {WIDER_GRANT, CHANGED_GUARD} == {rule for _, rule, _ in MUTATIONS}


def test_every_rule_has_a_name_of_its_own_and_a_mend() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.mend.endswith(".") for rule in RULES)


async def test_every_exception_is_still_needed_and_has_a_reason(owner: Database) -> None:
    async with owner.transaction() as connection:
        for rule in RULES:
            found: Sequence[str] = list((await connection.exec_driver_sql(rule.sql)).scalars())
            assert set(found) == set(rule.exceptions), rule.name
            assert all(rule.exceptions.values())


async def test_a_temporary_table_of_a_worker_is_no_offence(worker: Database) -> None:
    async with worker.transaction() as connection:
        await connection.execute(text("create temp table delta (tenant_id uuid) on commit drop"))
        assert await lint(connection) == []
