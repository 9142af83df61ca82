"""What somebody might do to a database, each under the rule of the lint that must find it."""

from atlas.store.lint import CHANGED_GUARD, WIDER_GRANT

# rule -> (statements, how the object that it names begins)
MUTATIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "tenant table without row level security": (("alter table atlas.findings disable row level security", "findings"),),
    "tenant table whose owner goes around row level security": (
        ("alter table atlas.findings no force row level security", "findings"),
    ),
    "tenant table without a policy": (
        (
            (
                "create table atlas.notes (tenant_id uuid not null primary key);alter table atlas.notes "
                "enable row level security, force row level security"
            ),
            "notes",
        ),
    ),
    "tenant_id that may be null": (("create table atlas.loose (tenant_id uuid)", "loose"),),
    "table of an application role without row level security": (
        ("create table public.notes (n int); grant select (n) on public.notes to atlas_api", "public.notes"),
    ),
    "enum column, whose equality uses no index under a policy": (
        (
            "create type atlas.colour as enum ('red'); alter table atlas.scopes add colour atlas.colour",
            "atlas.scopes.colour",
        ),
        (
            "create type atlas.colour as enum ('red'); alter table atlas.scopes add colours atlas.colour[]",
            "atlas.scopes.colours",
        ),
    ),
    "key between tenants: a primary, unique or foreign key without tenant_id": (
        ("alter table atlas.findings add constraint one unique (fingerprint)", "findings.one"),
        ("create unique index one on atlas.findings (fingerprint) include (tenant_id)", "findings.one"),
        (
            (
                "create unique index one on atlas.scopes (id);alter table atlas.findings add constraint "
                "far foreign key (scope_id) references atlas.scopes (id)"
            ),
            "findings.far",
        ),
    ),
    "index that does not begin with tenant_id": (
        ("create index loose on atlas.findings (status, tenant_id)", "findings.loose"),
    ),
    "trigger that is switched off": (
        ("alter table atlas.findings disable trigger audit_finding", "atlas.findings.audit_finding"),
        ("alter table atlas.audit_events disable trigger link_audit", "atlas.audit_events.link_audit"),
    ),
    "policy that asks for each row instead of once a query": (
        (
            ("alter policy api_select on atlas.findings using (tenant_id = current_setting('atlas.tenant_id')::uuid)"),
            "findings.api_select",
        ),
        (
            "alter policy api_select on atlas.findings using (tenant_id = atlas.tenant_for('READ'))",
            "findings.api_select",
        ),
    ),
    "policy for everybody": (
        (
            (
                "create policy all_of_it on atlas.findings for select using (tenant_id = (select "
                "atlas.tenant_for('READ')))"
            ),
            "findings.all_of_it",
        ),
    ),
    "policy that does not ask for the context": (
        ("alter policy api_select on atlas.findings using (true)", "findings.api_select"),
        ("create policy more on atlas.findings for select to atlas_worker using (status = 'NEW')", "findings.more"),
    ),
    "grant without a policy for its command": (
        ("drop policy worker_update on atlas.findings", "findings for UPDATE to atlas_worker"),
    ),
    "view that reads with its owner's rights": (
        ("create view atlas.open as select * from atlas.findings", "atlas.open"),
        (
            (
                "create view public.open with (security_invoker = false) as select 1; grant select on "
                "public.open to public"
            ),
            "public.open",
        ),
    ),
    "materialized view that an application role may read: it has no policies": (
        ("create materialized view public.kept as select 1; grant select on public.kept to atlas_api", "public.kept"),
    ),
    "SECURITY DEFINER function without a pinned search_path": (
        ("alter function atlas.tenant_for(text) reset search_path", "atlas.tenant_for(text)"),
        (
            ("create function public.f() returns int language sql security definer set search_path = public return 1"),
            "public.f()",
        ),
    ),
    "SECURITY DEFINER function of a role that bypasses the policies": (
        ("alter function atlas.tenant_for(text) owner to atlas_owner", "atlas.tenant_for(text)"),
    ),
    "function that everybody may execute": (
        ("grant execute on function atlas.write_audit to public", "atlas.write_audit(uuid,text,text,uuid,jsonb,jsonb)"),
        ("create function atlas.f() returns int language sql return 1", "atlas.f()"),
    ),
    "role with more rights than it needs": (
        ("alter role atlas_api bypassrls", "atlas_api"),
        ("alter role atlas_worker superuser", "atlas_worker"),
        ("alter role atlas_policy login", "atlas_policy"),
    ),
    "role that is missing": (("alter role atlas_sweeper rename to gone", "atlas_sweeper"),),
    "application role that is a member of another role": (
        ("grant atlas_owner to atlas_api", "atlas_api in atlas_owner"),
        ("grant pg_read_all_data to atlas_worker", "atlas_worker in pg_read_all_data"),
    ),
    "application role that owns something": (
        ("create table public.mine (n int); alter table public.mine owner to atlas_api", "public.mine"),
    ),
    "application role that may TRUNCATE, REFERENCE or put triggers on a table": (
        ("grant truncate on atlas.findings to atlas_api", "atlas.findings by atlas_api"),
        ("grant trigger on atlas.findings to public", "atlas.findings by atlas_sweeper"),
        ("grant references (id) on atlas.findings to atlas_worker", "atlas.findings by atlas_worker"),
    ),
    "application role that may create objects": (
        ("grant create on schema atlas to atlas_api", "schema atlas by atlas_api"),
        ("grant create on schema public to public", "schema public by atlas_worker"),
    ),
    "application role that may set a parameter of the superuser's": (
        ("grant set on parameter session_replication_role to atlas_api", "session_replication_role by atlas_api"),
    ),
    WIDER_GRANT: (
        (
            "grant update (severity) on atlas.findings to atlas_api",
            "grant update on column findings.severity to atlas_api",
        ),
        ("grant update on atlas.findings to atlas_api", "grant update on relation findings to atlas_api"),
        ("grant select on atlas.findings to atlas_sweeper", "grant select on relation findings to atlas_sweeper"),
        ("grant insert on atlas.audit_events to atlas_worker", "grant insert on relation audit_events to atlas_worker"),
        ("grant delete on atlas.audit_links to atlas_api", "grant delete on relation audit_links to atlas_api"),
        ("grant update on atlas.audit_heads to atlas_worker", "grant update on relation audit_heads to atlas_worker"),
        ("grant select (hash) on atlas.api_tokens to atlas_api", "grant select on column api_tokens.hash to atlas_api"),
        (
            "grant execute on function atlas.accept_baseline(uuid) to atlas_worker",
            "grant execute on function atlas.accept_baseline(uuid) to atlas_worker",
        ),
        (
            "grant select on atlas.roles to atlas_api with grant option",
            "grant select on relation roles to atlas_api with grant option",
        ),
        (
            ("alter default privileges for role atlas_owner in schema atlas grant select on tables to atlas_sweeper"),
            "grant select on default of r atlas to atlas_sweeper",
        ),
    ),
    CHANGED_GUARD: (
        ("drop policy api_select on atlas.findings", "- policy findings.api_select"),
        ("drop trigger audit_finding on atlas.findings", "- trigger findings.audit_finding"),
        (
            "alter policy api_update on atlas.findings using (tenant_id = (select atlas.tenant_for('READ')))",
            "+ policy findings.api_update",
        ),
        (
            (
                "create or replace function atlas.stamp_triage() returns trigger language plpgsql set "
                "search_path = pg_catalog, pg_temp as $$ begin return new; end $$"
            ),
            "+ function atlas.stamp_triage()",
        ),
    ),
}
