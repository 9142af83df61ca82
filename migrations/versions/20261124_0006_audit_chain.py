"""The chain of the audit record: each event is bound to its predecessor in the tenant by a hash.

Revision ID: 0006
"""

from atlas.store.migrations import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
-- The links stand beside the events, so that writing one changes nothing that is recorded: both only grow. A foreign
-- key to the events would be looked up at every link, and whoever can delete an event can drop it.
create table atlas.audit_links (
    tenant_id uuid not null,
    seq bigint not null,
    event_id uuid not null,
    previous bytea not null,
    hash bytea not null,
    primary key (tenant_id, seq),
    constraint audit_links_event unique (tenant_id, event_id)
);
-- Where the chain ends, so that a cut tail is seen; and a chain goes on from here, never from what was left of it.
create table atlas.audit_heads (
    tenant_id uuid primary key references atlas.tenants (id),
    seq bigint not null,
    hash bytea not null
);
"""

ENCODING = """
-- A field as its length in bytes, a colon, its text and a comma, or as `-,` where it is null: no two lists of fields
-- give the same text. No search_path is set, so that the planner can inline it; its names are bound already.
create function atlas.audit_field(value text) returns text
    language sql stable parallel safe
return coalesce(octet_length(convert_to(value, 'UTF8')) || ':' || value, '-') || ',';

-- `atlas.domain.audit_chain` computes the same from the columns, and a golden vector holds both.
create function atlas.audit_hash(e atlas.audit_events, seq bigint, previous bytea) returns bytea
    language sql stable parallel safe
return sha256(convert_to(
    atlas.audit_field('atlas.audit.1') || atlas.audit_field(e.tenant_id::text) || atlas.audit_field(seq::text)
    || atlas.audit_field(encode(previous, 'hex')) || atlas.audit_field(e.id::text)
    || atlas.audit_field((extract(epoch from e.at) * 1000000)::bigint::text)
    || atlas.audit_field(e.actor_id::text) || atlas.audit_field(e.action) || atlas.audit_field(e.target_type)
    || atlas.audit_field(e.target_id::text) || atlas.audit_field(e.before::text) || atlas.audit_field(e.after::text)
    || atlas.audit_field(e.reason) || atlas.audit_field(e.request_id), 'UTF8'));
"""

CHAIN = """
-- Links an event as the last thing that its transaction does: the tenant is held from here to the commit only, and
-- the order of the links is that of the commits. A plan that was made while the table was small stays for the session,
-- so it must not be a scan.
create function atlas.link_audit() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    last_seq bigint;
    last_hash bytea;
    head_seq bigint;
begin
    -- One statement, so that link and head are seen as of one moment.
    select l.seq, l.hash, h.seq into last_seq, last_hash, head_seq
    from (values (new.tenant_id)) t (id)
        left join atlas.audit_heads h on h.tenant_id = t.id
        left join lateral (
            select l.seq, l.hash from atlas.audit_links l where l.tenant_id = t.id order by l.seq desc limit 1
        ) l on true;
    -- A link beyond the head is this transaction's own, and then the lock is held already. It is the lock that
    -- emit_event takes: with one for both there is no order in which two transactions could wait for each other.
    if last_seq is null or last_seq <= coalesce(head_seq, 0) then
        perform from atlas.event_counters c where c.tenant_id = new.tenant_id for no key update;
        if not found then
            insert into atlas.event_counters (tenant_id, seq) values (new.tenant_id, 0) on conflict do nothing;
            perform from atlas.event_counters c where c.tenant_id = new.tenant_id for no key update;
        end if;
        select h.seq, h.hash into last_seq, last_hash from atlas.audit_heads h where h.tenant_id = new.tenant_id;
    end if;
    last_seq := coalesce(last_seq, 0);
    last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
    insert into atlas.audit_links (tenant_id, seq, event_id, previous, hash)
    values (new.tenant_id, last_seq + 1, new.id, last_hash, atlas.audit_hash(new, last_seq + 1, last_hash));
    return null;
end $$;

-- Of the links of a transaction the last one moves the head.
create function atlas.move_audit_head() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
begin
    if not exists (select from atlas.audit_links l where l.tenant_id = new.tenant_id and l.seq > new.seq) then
        insert into atlas.audit_heads as h (tenant_id, seq, hash) values (new.tenant_id, new.seq, new.hash)
        on conflict (tenant_id) do update set seq = excluded.seq, hash = excluded.hash;
    end if;
    return null;
end $$;
"""

# What was recorded before there was a chain is linked in the order of its time.
BACKFILL = """
insert into atlas.audit_heads (tenant_id, seq, hash)
    select distinct tenant_id, 0, decode(repeat('00', 32), 'hex') from atlas.audit_events;
do $$
declare
    e atlas.audit_events;
    head atlas.audit_heads;
begin
    for e in select * from atlas.audit_events order by tenant_id, at, id loop
        select * into head from atlas.audit_heads where tenant_id = e.tenant_id;
        insert into atlas.audit_links
            values (e.tenant_id, head.seq + 1, e.id, head.hash, atlas.audit_hash(e, head.seq + 1, head.hash))
            returning seq, hash into head.seq, head.hash;
        update atlas.audit_heads set seq = head.seq, hash = head.hash where tenant_id = e.tenant_id;
    end loop;
end $$;
"""

TRIGGERS = """
create constraint trigger link_audit after insert on atlas.audit_events deferrable initially deferred
    for each row execute function atlas.link_audit();
create constraint trigger move_audit_head after insert on atlas.audit_links deferrable initially deferred
    for each row execute function atlas.move_audit_head();
"""

POLICIES = """
alter table atlas.audit_links enable row level security, force row level security;
alter table atlas.audit_heads enable row level security, force row level security;

grant select, insert on atlas.audit_links to atlas_policy;
create policy policy_select on atlas.audit_links for select to atlas_policy using (true);
create policy policy_insert on atlas.audit_links for insert to atlas_policy with check (true);
grant select, insert, update (seq, hash) on atlas.audit_heads to atlas_policy;
create policy policy_select on atlas.audit_heads for select to atlas_policy using (true);
create policy policy_insert on atlas.audit_heads for insert to atlas_policy with check (true);
create policy policy_update on atlas.audit_heads for update to atlas_policy using (true) with check (true);

grant select on atlas.audit_links, atlas.audit_heads to atlas_api;
create policy api_select on atlas.audit_links for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ_AUDIT')));
create policy api_select on atlas.audit_heads for select to atlas_api
    using (tenant_id = (select atlas.tenant_for('READ_AUDIT')));
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run("lock table atlas.audit_events in share row exclusive mode")
    run(TABLES)
    run(ENCODING)
    run(CHAIN)
    run(BACKFILL)
    run(TRIGGERS)
    run(POLICIES)
    for function in ("link_audit()", "move_audit_head()"):
        run(f"alter function atlas.{function} owner to atlas_policy")
        run(f"revoke all on function atlas.{function} from public")
    for function in ("audit_field(text)", "audit_hash(atlas.audit_events, bigint, bytea)"):
        run(f"revoke all on function atlas.{function} from public")
        run(f"grant execute on function atlas.{function} to atlas_policy")


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
