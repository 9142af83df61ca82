"""Whether many tokens and memberships still stand, in one question: streams that are told together are judged together.

Revision ID: 0022
"""

from atlas.store.migrations import run

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

FUNCTION = """
-- A function that runs as atlas_policy sees the memberships of the context's principal, and of others only where it
-- judges many at once: the function sets that for itself, and the policies of no other role look at it.
alter policy policy_select on atlas.memberships
    using (principal_id = (select nullif(current_setting('atlas.principal_id', true), '')::uuid)
           or (select current_setting('atlas.judging', true)) = 'yes');

-- Of each place: does the token still hold, and which role does the principal have in the tenant? Told only where the
-- token no longer does, or the role is another than the one given. A null hash is no token of ours, a null tenant none.
-- Whoever may set the context may ask the same one by one.
create function atlas.changed_standing(hashes bytea[], tenants uuid[], principals uuid[], roles text[], used boolean)
    returns table (place bigint, holds boolean, role text)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if used then
        -- What another process writes at this moment is as good, and nobody waits for anybody.
        update atlas.api_tokens t set last_used_at = now()
        where t.hash in (
            select l.hash from atlas.api_tokens l
            where l.hash = any (hashes) and l.revoked_at is null and (l.expires_at is null or l.expires_at > now())
              and (l.last_used_at is null or l.last_used_at < now() - interval '1 minute')
            for update skip locked
        );
    end if;
    perform set_config('atlas.judging', 'yes', true);
    return query
        select a.place, a.hash is null or t.hash is not null, m.role
        from unnest(hashes, tenants, principals, roles) with ordinality as a (hash, tenant, principal, role, place)
        left join atlas.api_tokens t
          on t.hash = a.hash and t.revoked_at is null and (t.expires_at is null or t.expires_at > now())
        left join atlas.memberships m on m.tenant_id = a.tenant and m.principal_id = a.principal
        where (a.hash is not null and t.hash is null) or m.role is distinct from a.role;
    perform set_config('atlas.judging', '', true);
end $$;

alter function atlas.changed_standing(bytea[], uuid[], uuid[], text[], boolean) owner to atlas_policy;
revoke all on function atlas.changed_standing(bytea[], uuid[], uuid[], text[], boolean) from public;
grant execute on function atlas.changed_standing(bytea[], uuid[], uuid[], text[], boolean) to atlas_api;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(FUNCTION)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
