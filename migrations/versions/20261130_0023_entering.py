"""A transaction that is entered by a token: who asks is what the database finds, in the message that begins it.

Revision ID: 0023
"""

from atlas.store.migrations import run

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

FUNCTION = """
-- Sets the context's principal to whom the token vouches for now. Writes nothing, so that it may be read only; where
-- the token does not hold, nothing of the transaction can be read.
create function atlas.enter(token_hash bytea) returns void
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    found_id uuid;
begin
    select t.principal_id into found_id from atlas.api_tokens t
    where t.hash = token_hash and t.revoked_at is null and (t.expires_at is null or t.expires_at > now());
    if found_id is null then
        raise invalid_authorization_specification using message = 'the token does not hold';
    end if;
    perform set_config('atlas.principal_id', found_id::text, true);
end $$;

alter function atlas.enter(bytea) owner to atlas_policy;
revoke all on function atlas.enter(bytea) from public;
grant execute on function atlas.enter(bytea) to atlas_api;
"""


def upgrade() -> None:
    run("set local lock_timeout = '5s'")
    run(FUNCTION)


def downgrade() -> None:
    raise NotImplementedError("Atlas migrates forward; restore a backup to go back.")
