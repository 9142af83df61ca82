"""The policy lint as data: catalogue queries that must return no row, each with its mend and its exceptions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One query that names the objects which break the rule, as text, in its first column.

    `exceptions` maps the object to the reason why it may; a test holds that each is still needed.
    """

    name: str
    sql: str
    mend: str
    exceptions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


APP_ROLES = ("atlas_api", "atlas_worker", "atlas_sweeper")
_APP = "('atlas_api', 'atlas_worker', 'atlas_sweeper')"

# Tables that hold something of a tenant, and everything of this database that is neither the system's nor an
# extension's.
_TENANT = """
    tenant_tables as (
        select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, a.attnum as tenant_column, a.attnotnull
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
        where c.relnamespace = to_regnamespace('atlas') and c.relkind in ('r', 'p')
    )"""
_OURS = """
    namespaces as (
        select oid, nspname from pg_namespace
        where nspname !~ '^pg_(toast|temp|toast_temp_)' and nspname not in ('pg_catalog', 'information_schema')
    ),
    relations as (
        select c.oid, c.relkind, c.relowner, c.reloptions, c.relrowsecurity, c.relnamespace,
               format('%s.%s', n.nspname, c.relname) as name
        from pg_class c join namespaces n on n.oid = c.relnamespace
        where c.relpersistence <> 't' and not exists (
            select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    ),
    functions as (
        select p.oid, p.proowner, p.prosecdef, p.proconfig, p.proacl, p.pronamespace, p.oid::regprocedure::text as name
        from pg_proc p join namespaces n on n.oid = p.pronamespace
        where not exists (
            select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    )"""
_POLICIES = """
    policies as (
        select format('%s.%s', c.relname, p.polname) as name, p.polrelid, p.polcmd, p.polroles,
               coalesce(pg_get_expr(p.polqual, p.polrelid), '') || ' '
                   || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as expression
        from pg_policy p join pg_class c on c.oid = p.polrelid where c.relnamespace = to_regnamespace('atlas')
    )"""
_ROLES = f"roles as (select * from pg_roles where rolname in {_APP})"

_FIX_MIGRATION = "Make it as `migrations/versions` does: by hand as atlas_owner, or in the migration that lacks it."

TABLES = (
    Rule(
        name="tenant table without row level security",
        sql=f"with {_TENANT} select relname from tenant_tables where not relrowsecurity",
        mend="As atlas_owner: alter table ... enable row level security.",
    ),
    Rule(
        name="tenant table whose owner goes around row level security",
        sql=f"with {_TENANT} select relname from tenant_tables where not relforcerowsecurity",
        mend="As atlas_owner: alter table ... force row level security.",
    ),
    Rule(
        name="tenant table without a policy",
        sql=f"""with {_TENANT} select relname from tenant_tables t
                where not exists (select from pg_policy p where p.polrelid = t.oid)""",
        mend=_FIX_MIGRATION,
    ),
    Rule(
        name="tenant_id that may be null",
        sql=f"with {_TENANT} select relname from tenant_tables where not attnotnull",
        mend="As atlas_owner: alter table ... alter column tenant_id set not null.",
    ),
    Rule(
        name="table of an application role without row level security",
        sql=f"""with {_OURS}, {_ROLES} select distinct r.name from relations r, roles
                where r.relkind in ('r', 'p', 'f') and not r.relrowsecurity
                  and (has_any_column_privilege(roles.oid, r.oid, 'SELECT, INSERT, UPDATE')
                       or has_table_privilege(roles.oid, r.oid, 'DELETE'))""",
        mend="Enable row level security on it, or revoke the grant.",
        exceptions=MappingProxyType(
            {
                "atlas.alembic_version": "one number, the same for all tenants",
                "atlas.roles": "vocabulary, the same for all tenants",
                "atlas.role_capabilities": "vocabulary, the same for all tenants",
                "atlas.trusted_documents": "questions, the same for all tenants, and no answers",
            }
        ),
    ),
    Rule(
        name="enum column, whose equality uses no index under a policy",
        sql=f"""with {_OURS} select format('%s.%s', r.name, a.attname)
                from relations r join pg_attribute a on a.attrelid = r.oid join pg_type t on t.oid = a.atttypid
                left join pg_type e on e.oid = t.typelem
                where r.relnamespace = to_regnamespace('atlas') and a.attnum > 0 and not a.attisdropped
                  and 'e' in (t.typtype, coalesce(e.typtype, 'b'))""",
        mend="Use text with a CHECK.",
    ),
    Rule(
        name="key between tenants: a primary, unique or foreign key without tenant_id",
        sql=f"""with {_TENANT} select format('%s.%s', t.relname, k.conname)
                from tenant_tables t join pg_constraint k on k.conrelid = t.oid
                where k.contype in ('p', 'u') and t.tenant_column <> all (k.conkey)
                union all
                select format('%s.%s', t.relname, k.conname)
                from tenant_tables t join pg_constraint k on k.conrelid = t.oid
                join tenant_tables f on f.oid = k.confrelid
                where k.contype = 'f' and not exists (
                    select from unnest(k.conkey, k.confkey) as pair (here, there)
                    where here = t.tenant_column and there = f.tenant_column)
                union all
                select format('%s.%s', t.relname, c.relname)
                from tenant_tables t join pg_index i on i.indrelid = t.oid join pg_class c on c.oid = i.indexrelid
                where i.indisunique and t.tenant_column <> all ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                  and not exists (select from pg_constraint k where k.conindid = i.indexrelid)""",
        mend="Make tenant_id part of the key.",
        exceptions=MappingProxyType({"api_tokens.api_tokens_hash": "a token is looked up before its tenant is known"}),
    ),
    Rule(
        name="index that does not begin with tenant_id",
        sql=f"""with {_TENANT} select format('%s.%s', t.relname, c.relname)
                from tenant_tables t join pg_index i on i.indrelid = t.oid join pg_class c on c.oid = i.indexrelid
                where i.indkey[0] <> t.tenant_column""",
        mend="Put tenant_id first.",
        exceptions=MappingProxyType(
            {
                "api_tokens.api_tokens_hash": "a token is looked up before its tenant is known",
                "memberships.memberships_of_principal": "a principal's own memberships are found without a tenant",
            }
        ),
    ),
    Rule(
        name="trigger that is switched off",
        sql=f"""with {_OURS} select format('%s.%s', r.name, t.tgname)
                from pg_trigger t join relations r on r.oid = t.tgrelid
                where r.relnamespace = to_regnamespace('atlas') and t.tgenabled not in ('O', 'A')""",
        mend="As atlas_owner: alter table ... enable trigger ...; what was written meanwhile has no audit event.",
    ),
)

POLICIES = (
    Rule(
        name="policy that asks for each row instead of once a query",
        sql=rf"""with {_POLICIES} select name from policies
                 where regexp_replace(expression,
                       'SELECT \(*(NULLIF\()?(current_setting|atlas\.tenant_for|atlas\.tenant_for_job)\(', '', 'g')
                       ~ '(current_setting|tenant_for|tenant_for_job)\('""",
        mend="Wrap the call: (select current_setting(...)), (select atlas.tenant_for(...)).",
    ),
    Rule(
        name="policy for everybody",
        sql=f"with {_POLICIES} select name from policies where 0 = any (polroles)",
        mend="Name its roles: create policy ... to atlas_api.",
    ),
    Rule(
        name="policy that does not ask for the context",
        sql=rf"""with {_POLICIES} select name from policies
                 where polroles && (select array_agg(oid) from pg_roles where rolname in ('atlas_api', 'atlas_worker'))
                   and expression !~ '(current_setting|tenant_for|tenant_for_job)\('""",
        mend=_FIX_MIGRATION,
    ),
    Rule(
        name="grant without a policy for its command",
        sql=f"""with {_TENANT},
                roles as (select oid, rolname from pg_roles where rolname in {_APP} or rolname = 'atlas_policy'),
                commands (privilege, command) as (
                    values ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'))
                select format('%s for %s to %s', t.relname, privilege, rolname)
                from tenant_tables t, roles, commands
                where case when privilege = 'DELETE' then has_table_privilege(roles.oid, t.oid, privilege)
                           else has_any_column_privilege(roles.oid, t.oid, privilege) end
                  and not exists (select from pg_policy p where p.polrelid = t.oid
                                  and p.polcmd::text in (command, '*') and roles.oid = any (p.polroles))""",
        mend=_FIX_MIGRATION,
    ),
)

OBJECTS = (
    Rule(
        name="view that reads with its owner's rights",
        sql=f"""with {_OURS}, {_ROLES} select distinct r.name from relations r, roles
                where r.relkind = 'v'
                  and (r.relnamespace = to_regnamespace('atlas')
                       or has_any_column_privilege(roles.oid, r.oid, 'SELECT'))
                  and not coalesce(r.reloptions, '{{}}') && array['security_invoker=true', 'security_invoker=on',
                                                                  'security_invoker=1', 'security_invoker=yes']""",
        mend="alter view ... set (security_invoker = true).",
    ),
    Rule(
        name="materialized view that an application role may read: it has no policies",
        sql=f"""with {_OURS}, {_ROLES} select distinct r.name from relations r, roles
                where r.relkind = 'm' and has_any_column_privilege(roles.oid, r.oid, 'SELECT')""",
        mend="Revoke the grant.",
    ),
    Rule(
        name="SECURITY DEFINER function without a pinned search_path",
        sql=f"""with {_OURS} select name from functions
                where prosecdef and not coalesce(proconfig, '{{}}') @> array['search_path=pg_catalog, pg_temp']""",
        mend="alter function ... set search_path = pg_catalog, pg_temp.",
    ),
    Rule(
        name="SECURITY DEFINER function of a role that bypasses the policies",
        sql=f"""with {_OURS} select f.name from functions f join pg_roles r on r.oid = f.proowner
                where f.prosecdef and (r.rolsuper or r.rolbypassrls)""",
        mend="alter function ... owner to atlas_policy.",
    ),
    Rule(
        name="function that everybody may execute",
        sql=f"""with {_OURS} select distinct f.name
                from functions f, aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) e
                where e.grantee = 0 and (f.prosecdef or f.pronamespace = to_regnamespace('atlas'))""",
        mend="revoke all on function ... from public.",
    ),
)

ROLES = (
    Rule(
        name="role with more rights than it needs",
        sql=f"""select rolname from pg_roles
                where (rolname in {_APP} or rolname = 'atlas_policy')
                  and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
                       or (rolname = 'atlas_policy' and rolcanlogin))""",
        mend="Run `atlas db bootstrap`, which takes them away.",
    ),
    Rule(
        name="role that is missing",
        sql="""select wanted from unnest(array['atlas_owner', 'atlas_api', 'atlas_worker', 'atlas_sweeper',
                                              'atlas_policy']) wanted
               where not exists (select from pg_roles where rolname = wanted)""",
        mend="Run `atlas db bootstrap`.",
    ),
    Rule(
        name="application role that is a member of another role",
        sql=f"""with {_ROLES} select format('%s in %s', roles.rolname, g.rolname)
                from roles join pg_auth_members m on m.member = roles.oid join pg_roles g on g.oid = m.roleid""",
        mend="revoke <role> from <application role>.",
    ),
    Rule(
        name="application role that owns something",
        sql=f"""with {_OURS}, {_ROLES} select name from relations where relowner in (select oid from roles)
                union all select name from functions where proowner in (select oid from roles)
                union all select nspname from pg_namespace where nspowner in (select oid from roles)
                union all select datname from pg_database where datdba in (select oid from roles)""",
        mend="alter ... owner to atlas_owner.",
    ),
    Rule(
        name="application role that may TRUNCATE, REFERENCE or put triggers on a table",
        sql=f"""with {_OURS}, {_ROLES} select format('%s by %s', r.name, roles.rolname) from relations r, roles
                where r.relkind in ('r', 'p', 'f')
                  and (has_table_privilege(roles.oid, r.oid, 'TRUNCATE, TRIGGER')
                       or has_any_column_privilege(roles.oid, r.oid, 'REFERENCES'))""",
        mend="revoke truncate, references, trigger on ... from <application role>, public.",
    ),
    Rule(
        name="application role that may create objects",
        sql=f"""with {_OURS}, {_ROLES}
                select format('schema %s by %s', nspname, rolname) from namespaces, roles
                where has_schema_privilege(roles.oid, namespaces.oid, 'CREATE')
                union all
                select format('database %s by %s', current_database(), rolname) from roles
                where has_database_privilege(roles.oid, current_database(), 'CREATE')
                   or (rolname <> 'atlas_worker' and has_database_privilege(roles.oid, current_database(), 'TEMP'))""",
        mend="Run `atlas db bootstrap`, or revoke create on it from <application role>, public.",
    ),
    Rule(
        name="application role that may set a parameter of the superuser's",
        sql=f"""select format('%s by %s', p.parname, coalesce(r.rolname, 'public'))
                from pg_parameter_acl p, aclexplode(p.paracl) e left join pg_roles r on r.oid = e.grantee
                where e.grantee = 0 or r.rolname in {_APP}""",
        mend="revoke set on parameter ... from <application role>, public.",
    ),
)

RULES: tuple[Rule, ...] = (*TABLES, *POLICIES, *OBJECTS, *ROLES)
