"""Ignore rules: reads, writes, and the findings that they are held against."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    RowMapping,
    Select,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from atlas.domain.errors import RefusedError
from atlas.domain.rules import Parts, Rule, Suppression
from atlas.domain.vocabulary import ChangeType, DriftRunStatus, FindingKind, UserErrorCode
from atlas.store.database import constraint
from atlas.store.filters import among
from atlas.store.pages import Key, Order, Row
from atlas.store.tables import drift_run_findings, drift_runs, findings, rules

ORDER = Order("rules:CREATED_AT_DESC", (Key("created_at", datetime), Key("id", UUID)), descending=True)
PART = 500

_r, _f = rules.c, findings.c
_LIVE = and_(_r.ended_at.is_(None), or_(_r.expires_at.is_(None), _r.expires_at > func.now()))
# One after the other in the order of their ids, which is the one in which whoever triages findings holds them.
_SUPPRESS = text(
    """
    with wanted as materialized (
        select * from unnest(:ids, :rules, :untils) n (id, rule_id, until) order by id
    )
    select atlas.suppress(array[id], array[rule_id], array[until]) from wanted
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("rules", type_=ARRAY(Uuid)),
    bindparam("untils", type_=ARRAY(DateTime(timezone=True))),
)


def of_tenant(tenant_id: UUID | None, _parent: ColumnElement[UUID], live: bool | None) -> Select[Any]:
    """The rules of a tenant: those that stand, those that do not, or (None) all."""
    query = select(rules).where(_r.tenant_id == tenant_id)
    return query if live is None else query.where(_LIVE if live else ~func.coalesce(_LIVE, False))


async def by_ids(connection: AsyncConnection, tenant_id: UUID, ids: Sequence[UUID]) -> Sequence[Row]:
    return (await connection.execute(select(rules).where(_r.tenant_id == tenant_id, among(_r.id, ids)))).all()


async def hold_still(connection: AsyncConnection, tenant_id: UUID, *, to_change: bool) -> None:
    """Until the transaction ends: no rule comes or goes while findings are made, and none is made meanwhile."""
    lock = "pg_advisory_xact_lock" if to_change else "pg_advisory_xact_lock_shared"
    await connection.execute(select(getattr(func, lock)(func.hashtextextended(f"atlas.rules:{tenant_id}", 0))))


async def live(connection: AsyncConnection, tenant_id: UUID) -> list[Rule]:
    """The rules that stand now."""
    rows = await connection.execute(select(rules).where(_r.tenant_id == tenant_id, _LIVE).order_by(_r.id))
    return [
        Rule(
            row.id,
            Parts(
                item_type=row.item_type,
                path_pattern=row.path_pattern,
                subject_pattern=row.subject_pattern,
                value_pattern=row.value_pattern,
            ),
            row.expires_at,
        )
        for row in rows
    ]


async def stay_awake(connection: AsyncConnection) -> None:
    """A word to the database in the midst of long work: it ends a transaction that says nothing for a minute."""
    await connection.execute(select(1))


async def insert_rule(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Raises `RefusedError` CONFLICT where another rule replaces the same one."""
    try:
        await connection.execute(insert(rules).values(values))
    except IntegrityError as error:
        if constraint(error) != "rules_replaced_once":
            raise
        raise RefusedError(
            UserErrorCode.CONFLICT, "This rule was replaced already. Replace the newest version.", ("input", "replaces")
        ) from error


async def end_rule(connection: AsyncConnection, tenant_id: UUID, rule_id: UUID) -> bool:
    """False where the rule has ended already."""
    done = await connection.execute(
        update(rules)
        .where(_r.tenant_id == tenant_id, _r.id == rule_id, _r.ended_at.is_(None))
        .values(ended_at=func.now())
        .returning(_r.id)
    )
    return done.first() is not None


async def newest_runs(connection: AsyncConnection, tenant_id: UUID, most: int) -> list[UUID]:
    """The tenant's newest drift runs that succeeded."""
    d = drift_runs.c
    query = (
        select(d.id)
        .where(d.tenant_id == tenant_id, d.status == DriftRunStatus.SUCCEEDED)
        .order_by(d.created_at.desc(), d.id.desc())
        .limit(most)
    )
    return list((await connection.execute(query)).scalars())


async def held_against(
    connection: AsyncConnection,
    tenant_id: UUID,
    *,
    parts: Parts | None = None,
    hidden: bool = False,
    runs: Sequence[UUID] | None = None,
) -> AsyncIterator[Sequence[RowMapping]]:
    """The DRIFT findings that rules are held against, by id, a part at a time, with their evidence.

    Those that such a rule (`parts`) may speak of, or with `hidden` those that a rule hides now, or both; all where
    neither is given. `runs` leaves out what none of them saw.
    """
    query = (
        select(
            _f.id, _f.kind, _f.change_type, _f.item_type, _f.external_id, _f.display_name, _f.severity_rank,
            _f.evidence, _f.suppressed_by, _f.suppressed_until,
        )
        .where(_f.tenant_id == tenant_id, _f.kind == FindingKind.DRIFT)
        .order_by(_f.id)
        .limit(PART)
    )  # fmt: skip
    wanted = [] if parts is None else [_may_speak_of(parts)]
    if hidden:
        wanted.append(_f.suppressed_by.is_not(None))
    if wanted:
        query = query.where(or_(*wanted))
    if runs is not None:
        seen = drift_run_findings.c
        query = query.where(
            exists().where(seen.tenant_id == tenant_id, among(seen.drift_run_id, runs), seen.finding_id == _f.id)
        )
    after: UUID | None = None
    while True:
        rows = (await connection.execute(query if after is None else query.where(_f.id > after))).mappings().all()
        if rows:
            yield rows
        if len(rows) < PART:
            return
        after = rows[-1]["id"]


def _may_speak_of(parts: Parts) -> ColumnElement[bool]:
    of_type = true() if parts.item_type is None else _f.item_type == parts.item_type
    return and_(of_type, _f.change_type == ChangeType.MODIFIED) if parts.of_changes else of_type


async def suppress(connection: AsyncConnection, changed: Mapping[UUID, Suppression | None]) -> None:
    """Notes what hides each of these findings, and holds them in the order of their ids."""
    if changed:
        given = list(changed.values())
        await connection.execute(
            _SUPPRESS,
            {
                "ids": list(changed),
                "rules": [None if one is None else one.rule_id for one in given],
                "untils": [None if one is None else one.until for one in given],
            },
        )
