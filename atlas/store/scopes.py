"""Reads of scopes, and of where the drift of each stands."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.store.filters import among
from atlas.store.pages import Key, Order, Row
from atlas.store.tables import scopes

ORDER = Order("scopes:KEY_ASC", (Key("key", str), Key("id", UUID)))

_s = scopes.c
COLUMNS = (
    _s.tenant_id, _s.id, _s.key, _s.label, _s.item_types, _s.last_seq, _s.pinned_run_id, _s.pinned_seq, _s.pinned_by,
    _s.pinned_at,
)  # fmt: skip

# The pair to compare is (pinned or previous, newest). Everything is bound to the tenant, so that each part is an
# index probe a scope: the newest drift run of the pair, the newest at all, the steps between kept runs still to do.
_OVERVIEW = """
select s.id, s.last_seq, s.pinned_seq, base.id as baseline_run_id, newest.id as current_run_id,
       pair.status as pair_status, pair.generated as pair_generated, latest.id as latest_drift_run_id,
       (select count(*)::int from (
            select r.seq, lag(r.seq) over (order by r.seq) as before_seq from atlas.sync_runs r
            where r.tenant_id = :tenant and r.scope_id = s.id and r.seq is not null and r.pruned_at is null) k
        where k.before_seq is not null and not exists (
            select from atlas.drift_runs d
            where d.tenant_id = :tenant and d.scope_id = s.id and d.current_seq = k.seq and d.status = 'SUCCEEDED'
              and d.baseline_seq in (k.seq - 1, k.before_seq))) as open_steps
from atlas.scopes s
left join atlas.sync_runs newest
    on newest.tenant_id = :tenant and newest.scope_id = s.id and newest.seq = s.last_seq
left join atlas.sync_runs base
    on base.tenant_id = :tenant and base.scope_id = s.id and base.seq = coalesce(s.pinned_seq, (
        select max(r.seq) from atlas.sync_runs r
        where r.tenant_id = :tenant and r.scope_id = s.id and r.seq < s.last_seq and r.pruned_at is null))
left join lateral (
    select d.status, bool_or(d.status = 'SUCCEEDED') over () as generated from atlas.drift_runs d
    where d.tenant_id = :tenant and d.scope_id = s.id and d.current_seq = s.last_seq
      and d.baseline_seq = base.seq
    order by d.created_at desc, d.id desc limit 1) pair on true
left join lateral (
    select d.id from atlas.drift_runs d where d.tenant_id = :tenant and d.scope_id = s.id
    order by d.created_at desc, d.id desc limit 1) latest on true
where s.tenant_id = :tenant and s.id = any(:scopes)
"""


def of_tenant(tenant_id: UUID | None, _parent: ColumnElement[UUID], _filter: None) -> Select[Any]:
    return select(*COLUMNS).where(_s.tenant_id == tenant_id)


async def by_ids(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    query = select(*COLUMNS).where(_s.tenant_id == tenant_id, among(_s.id, ids))
    return (await connection.execute(query)).all()


async def by_keys(connection: AsyncConnection, tenant_id: UUID, keys: Sequence[str]) -> Sequence[Row]:
    query = select(*COLUMNS).where(_s.tenant_id == tenant_id, among(_s.key, keys))
    return (await connection.execute(query)).all()


async def overviews(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    """What `domain.overview` judges by, a row a scope: sequences, the pair's newest drift run, what is generated."""
    return (await connection.execute(text(_OVERVIEW), {"tenant": tenant_id, "scopes": list(ids)})).all()
