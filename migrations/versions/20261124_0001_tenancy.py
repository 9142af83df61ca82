"""Principals, tenants, roles and memberships, and the functions that policies ask.

Revision ID: 0001
"""

from atlas.store.migrations import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = ("READER", "OPERATOR", "MANAGER", "OWNER")
CAPABILITIES = {
    "READER": ("READ",),
    "OPERATOR": ("ACKNOWLEDGE", "GENERATE_DRIFT"),
    "MANAGER": ("START_SYNC", "MANAGE_BASELINE", "MANAGE_RULES", "READ_AUDIT"),
    "OWNER": ("MANAGE_MEMBERS", "MANAGE_TENANT"),
}

SCHEMA = """
create schema if not exists atlas;
revoke all on schema atlas from public;
grant usage on schema atlas to atlas_api, atlas_worker, atlas_sweeper, atlas_policy;
-- A function can be given to atlas_policy only while that role may create in the schema. It is NOLOGIN.
grant create on schema atlas to atlas_policy;
"""

TABLES = """
create table atlas.principals (
    id uuid primary key default gen_random_uuid(),
    kind text not null constraint principals_kind check (kind in ('USER', 'SERVICE')),
    issuer text collate "C" not null,
    subject text collate "C" not null,
    display_name text not null,
    created_at timestamptz not null default now(),
    constraint principals_identity unique (issuer, subject)
);

create table atlas.tenants (
    id uuid primary key default gen_random_uuid(),
    name text collate "C" not null constraint tenants_name unique
        constraint tenants_name_length check (length(name) between 1 and 200),
    entra_tenant_id uuid constraint tenants_entra unique,
    created_at timestamptz not null default now()
);

create table atlas.roles (
    name text collate "C" primary key,
    rank smallint not null constraint roles_rank unique
);

create table atlas.role_capabilities (
    role text collate "C" not null references atlas.roles (name),
    capability text collate "C" not null,
    primary key (role, capability)
);

create table atlas.memberships (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null default gen_random_uuid(),
    principal_id uuid not null references atlas.principals (id),
    role text collate "C" not null references atlas.roles (name),
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    constraint memberships_principal unique (tenant_id, principal_id)
);
-- A principal's own memberships are found without a tenant.
create index memberships_of_principal on atlas.memberships (principal_id, tenant_id) include (role);

-- Whoever was ever a member stays known to the tenant, so that a record never loses its author.
create table atlas.tenant_principals (
    tenant_id uuid not null references atlas.tenants (id),
    principal_id uuid not null references atlas.principals (id),
    kind text not null,
    display_name text not null,
    primary key (tenant_id, principal_id)
);

create table atlas.api_tokens (
    tenant_id uuid not null references atlas.tenants (id),
    id uuid not null default gen_random_uuid(),
    principal_id uuid not null,
    hash bytea not null,
    hint text not null,
    created_at timestamptz not null default now(),
    created_by uuid,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    primary key (tenant_id, id),
    constraint api_tokens_principal foreign key (tenant_id, principal_id)
        references atlas.tenant_principals (tenant_id, principal_id)
);
-- A token is looked up before anything is known of its tenant.
create unique index api_tokens_hash on atlas.api_tokens (hash);
create index api_tokens_of_principal on atlas.api_tokens (tenant_id, principal_id);
"""

FUNCTIONS = """
-- The one question that every policy of atlas_api asks: the context's tenant, where the context's principal
-- holds a membership whose role has the capability. Null otherwise, and then nothing matches.
create function atlas.tenant_for(capability text) returns uuid
    language sql stable security definer set search_path = pg_catalog, pg_temp
return (
    select m.tenant_id
    from atlas.memberships m join atlas.role_capabilities c on c.role = m.role
    where m.principal_id = nullif(current_setting('atlas.principal_id', true), '')::uuid
      and m.tenant_id = nullif(current_setting('atlas.tenant_id', true), '')::uuid
      and c.capability = tenant_for.capability
);

-- Who holds this token? `last_used_at` is kept to the minute, so that a busy token is not a busy row.
create function atlas.authenticate(token_hash bytea)
    returns table (principal_id uuid, kind text, display_name text, token_id uuid, expires_at timestamptz)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    update atlas.api_tokens t set last_used_at = now()
    where t.hash = token_hash and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())
      and (t.last_used_at is null or t.last_used_at < now() - interval '1 minute');
    return query
        select p.id, p.kind, p.display_name, t.id, t.expires_at
        from atlas.api_tokens t join atlas.principals p on p.id = t.principal_id
        where t.hash = token_hash and t.revoked_at is null and (t.expires_at is null or t.expires_at > now());
end $$;

-- The principal of an identity that an issuer vouched for; made at its first sign-in, without memberships.
create function atlas.ensure_principal(issuer text, subject text, kind text, display_name text)
    returns table (principal_id uuid, principal_kind text, principal_name text)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if ensure_principal.issuer like 'atlas:%' then
        raise insufficient_privilege using message = 'this issuer is reserved for the service principals of tenants';
    end if;
    insert into atlas.principals as p (kind, issuer, subject, display_name)
    values (
        ensure_principal.kind, ensure_principal.issuer, ensure_principal.subject, ensure_principal.display_name
    )
    on conflict on constraint principals_identity do nothing;
    return query
        select p.id, p.kind, p.display_name from atlas.principals p
        where p.issuer = ensure_principal.issuer and p.subject = ensure_principal.subject;
end $$;

-- A service principal belongs to the tenant that made it: the same name in two tenants is two principals.
create function atlas.ensure_service_principal(name text) returns uuid
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    tenant uuid := nullif(current_setting('atlas.tenant_id', true), '')::uuid;
    found uuid;
begin
    if tenant is null
        or (session_user <> 'atlas_owner' and atlas.tenant_for('MANAGE_MEMBERS') is distinct from tenant)
    then
        raise insufficient_privilege using message = 'MANAGE_MEMBERS is needed';
    end if;
    insert into atlas.principals as p (kind, issuer, subject, display_name)
    values ('SERVICE', 'atlas:' || tenant, name, name)
    on conflict on constraint principals_identity do nothing;
    select p.id into found from atlas.principals p where p.issuer = 'atlas:' || tenant and p.subject = name;
    return found;
end $$;

-- Did this tenant make this service principal? Only then may it make tokens for it.
create function atlas.owns_service_principal(tenant uuid, principal uuid) returns boolean
    language sql stable security definer set search_path = pg_catalog, pg_temp
return exists (
    select from atlas.principals p
    where p.id = owns_service_principal.principal and p.kind = 'SERVICE'
      and p.issuer = 'atlas:' || owns_service_principal.tenant
      and owns_service_principal.tenant = atlas.tenant_for('MANAGE_MEMBERS')
);

-- The tenant's own directory follows its memberships, and forgets nobody. A service principal that another tenant
-- made is as good as absent here.
create function atlas.remember_principal() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from atlas.principals p
        where p.id = new.principal_id and p.issuer like 'atlas:%' and p.issuer <> 'atlas:' || new.tenant_id
    ) then
        raise foreign_key_violation using message = 'there is no such principal';
    end if;
    insert into atlas.tenant_principals (tenant_id, principal_id, kind, display_name)
    select new.tenant_id, p.id, p.kind, p.display_name from atlas.principals p where p.id = new.principal_id
    on conflict do nothing;
    return new;
end $$;
create trigger remember_principal before insert on atlas.memberships
    for each row execute function atlas.remember_principal();

-- A tenant keeps an owner. Whoever may change a membership sees all of its tenant, so this runs as the caller.
create function atlas.keep_an_owner() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if old.role = 'OWNER' and (tg_op = 'DELETE' or new.role <> 'OWNER') then
        -- Behind the lock the others are looked up anew, which a transaction with one snapshot does not do.
        if current_setting('transaction_isolation') <> 'read committed' then
            raise invalid_transaction_state using message = 'the owners of a tenant change under READ COMMITTED only';
        end if;
        perform pg_advisory_xact_lock(hashtextextended('atlas.owners:' || old.tenant_id, 0));
        if not exists (
            select from atlas.memberships m
            where m.tenant_id = old.tenant_id and m.role = 'OWNER' and m.id <> old.id
        ) then
            raise check_violation using message = 'the last owner of a tenant cannot go', constraint = 'keep_an_owner';
        end if;
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger keep_an_owner before update or delete on atlas.memberships
    for each row execute function atlas.keep_an_owner();
"""

# Definer functions run as a role that bypasses nothing: what it may see is said by policies of its own.
OWNERSHIP = """
alter function atlas.{function} owner to atlas_policy;
revoke all on function atlas.{function} from public;
"""

POLICIES = """
alter table atlas.principals enable row level security, force row level security;
alter table atlas.tenants enable row level security, force row level security;
alter table atlas.memberships enable row level security, force row level security;
alter table atlas.tenant_principals enable row level security, force row level security;
alter table atlas.api_tokens enable row level security, force row level security;

grant select on atlas.roles, atlas.role_capabilities to atlas_api, atlas_policy;

grant select, insert on atlas.principals to atlas_policy;
create policy policy_select on atlas.principals for select to atlas_policy using (true);
create policy policy_insert on atlas.principals for insert to atlas_policy with check (true);
grant select on atlas.principals to atlas_api;
create policy api_select on atlas.principals for select to atlas_api
    using (id = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));

grant select on atlas.memberships to atlas_policy;
create policy policy_select on atlas.memberships for select to atlas_policy
    using (principal_id = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));
grant select, insert (tenant_id, principal_id, role), update (role), delete on atlas.memberships to atlas_api;
create policy api_select on atlas.memberships for select to atlas_api
    using (principal_id = (select nullif(current_setting('atlas.principal_id', true), '')::uuid)
           or tenant_id = (select atlas.tenant_for('MANAGE_MEMBERS')));
create policy api_insert on atlas.memberships for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('MANAGE_MEMBERS')));
create policy api_update on atlas.memberships for update to atlas_api
    using (tenant_id = (select atlas.tenant_for('MANAGE_MEMBERS')))
    with check (tenant_id = (select atlas.tenant_for('MANAGE_MEMBERS')));
create policy api_delete on atlas.memberships for delete to atlas_api
    using (tenant_id = (select atlas.tenant_for('MANAGE_MEMBERS')));

grant select on atlas.tenants to atlas_api;
create policy api_select on atlas.tenants for select to atlas_api
    using (id in (select m.tenant_id from atlas.memberships m
                  where m.principal_id = (select nullif(current_setting('atlas.principal_id', true), '')::uuid)));

grant select, insert on atlas.tenant_principals to atlas_policy;
create policy policy_select on atlas.tenant_principals for select to atlas_policy using (true);
create policy policy_insert on atlas.tenant_principals for insert to atlas_policy with check (true);
grant select on atlas.tenant_principals to atlas_api;
create policy api_select on atlas.tenant_principals for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ')));

grant select, update (last_used_at) on atlas.api_tokens to atlas_policy;
create policy policy_select on atlas.api_tokens for select to atlas_policy using (true);
create policy policy_update on atlas.api_tokens for update to atlas_policy using (true) with check (true);
grant select (tenant_id, id, principal_id, hint, created_at, created_by, expires_at, last_used_at, revoked_at),
      insert (tenant_id, principal_id, hash, hint, created_by, expires_at),
      update (revoked_at) on atlas.api_tokens to atlas_api;
create policy api_select on atlas.api_tokens for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('MANAGE_MEMBERS')));
-- A token acts as its principal in every tenant of that principal, so a tenant makes tokens only for its own.
create policy api_insert on atlas.api_tokens for insert to atlas_api
    with check (tenant_id = (select atlas.tenant_for('MANAGE_MEMBERS'))
                and atlas.owns_service_principal(tenant_id, principal_id)
                and created_by = (select nullif(current_setting('atlas.principal_id', true), '')::uuid));
-- Revoking is for good.
create policy api_update on atlas.api_tokens for update to atlas_api
    using (tenant_id = (select atlas.tenant_for('MANAGE_MEMBERS')) and revoked_at is null)
    with check (tenant_id = (select atlas.tenant_for('MANAGE_MEMBERS')));
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(SCHEMA)
    run(TABLES)
    for rank, role in enumerate(ROLES):
        run(f"insert into atlas.roles values ('{role}', {rank})")
    for rank, role in enumerate(ROLES):
        for holder in ROLES[rank:]:
            for capability in CAPABILITIES[role]:
                run(f"insert into atlas.role_capabilities values ('{holder}', '{capability}')")
    run(FUNCTIONS)
    for function in (
        "tenant_for(text)",
        "authenticate(bytea)",
        "ensure_principal(text, text, text, text)",
        "ensure_service_principal(text)",
        "owns_service_principal(uuid, uuid)",
        "remember_principal()",
    ):
        run(OWNERSHIP.format(function=function))
    run("revoke all on function atlas.keep_an_owner() from public")
    run("grant execute on function atlas.tenant_for(text), atlas.authenticate(bytea) to atlas_api")
    run("grant execute on function atlas.ensure_principal(text, text, text, text) to atlas_api")
    run("grant execute on function atlas.ensure_service_principal(text) to atlas_api, atlas_owner")
    run("grant execute on function atlas.owns_service_principal(uuid, uuid) to atlas_api")
    run(POLICIES)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
