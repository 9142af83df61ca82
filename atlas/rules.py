"""Ignore rules: make one, end one, and see beforehand what it would hide. Findings follow in the same transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from atlas.access import require, tenant_of
from atlas.domain.errors import RefusedError
from atlas.domain.evidence import PropertyChange
from atlas.domain.rules import Parts, Rule, Subject, Suppression, checked, suppression
from atlas.domain.vocabulary import Capability, ChangeType, FindingKind, UserErrorCode
from atlas.store import rules as store
from atlas.store.bodies import unpack_evidence
from atlas.store.database import Connection, Context, Database, Row
from atlas.triage import check_end, checked_reason

MOST_RULES = 500
MOST_RUNS = 100
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would hide of what the last `runs` drift runs saw: all counted, the most severe named."""

    runs: int
    count: int
    finding_ids: tuple[UUID, ...]


async def create(
    db: Database,
    context: Context,
    parts: Parts,
    *,
    reason: str,
    expires_at: datetime | None = None,
    replaces: UUID | None = None,
) -> UUID:
    """Makes a rule and hides what it ignores; as the next version of `replaces`, which ends. Returns its id.

    Raises `RefusedError` INVALID_INPUT, NOT_FOUND, FORBIDDEN, or CONFLICT where `replaces` has ended.
    """
    parts, reason, tenant_id = checked(parts), checked_reason(reason), tenant_of(context)
    check_end(expires_at)
    rule_id = uuid4()
    async with db.transaction(replace(context, reason=reason)) as connection:
        await require(connection, context, Capability.MANAGE_RULES)
        await store.hold_still(connection, tenant_id, to_change=True)
        if replaces is not None:
            await _known(connection, tenant_id, replaces, "replaces")
            if not await store.end_rule(connection, tenant_id, replaces):
                raise RefusedError(
                    UserErrorCode.CONFLICT, "This rule has ended already: make one anew.", ("input", "replaces")
                )
        if len(await store.live(connection, tenant_id)) >= MOST_RULES:
            raise RefusedError(
                UserErrorCode.CONFLICT, f"A tenant has at most {MOST_RULES} rules that stand. End one first."
            )
        await store.insert_rule(
            connection,
            {
                "tenant_id": tenant_id,
                "id": rule_id,
                "replaces": replaces,
                "item_type": parts.item_type,
                "path_pattern": parts.path_pattern,
                "subject_pattern": parts.subject_pattern,
                "value_pattern": parts.value_pattern,
                "reason": reason,
                "owner_id": context.principal_id,
                "expires_at": expires_at,
            },
        )
        await _apply(connection, tenant_id, made=parts, ended=replaces is not None)
    await db.notify([tenant_id])
    return rule_id


async def end(db: Database, context: Context, rule_id: UUID, *, reason: str) -> UUID:
    """Ends a rule and shows what it alone hid; one that has ended stays as it is. Raises NOT_FOUND, FORBIDDEN."""
    reason, tenant_id = checked_reason(reason), tenant_of(context)
    async with db.transaction(replace(context, reason=reason)) as connection:
        await require(connection, context, Capability.MANAGE_RULES)
        await store.hold_still(connection, tenant_id, to_change=True)
        await _known(connection, tenant_id, rule_id, "id")
        await store.end_rule(connection, tenant_id, rule_id)
        await _apply(connection, tenant_id, ended=True)
    await db.notify([tenant_id])
    return rule_id


async def preview(connection: Connection, context: Context, parts: Parts, *, runs: int = 10) -> Preview:
    """What this rule, beside those that stand, would have hidden of what the tenant's last drift runs saw.

    Raises as `previewed`.
    """
    parts, runs = previewed(parts, runs)
    tenant_id = tenant_of(context)
    standing = await store.live(connection, tenant_id)
    looked_at = await store.newest_runs(connection, tenant_id, runs)
    wanted = [*standing, Rule(uuid4(), parts, None)]
    found: list[tuple[int, UUID]] = []
    async for rows in store.held_against(connection, tenant_id, parts=parts, runs=looked_at):
        before = await asyncio.to_thread(_judged, rows, standing)
        after = await asyncio.to_thread(_judged, rows, wanted)
        found += [(-row["severity_rank"], row["id"]) for row in rows if after[row["id"]] and not before[row["id"]]]
    return Preview(len(looked_at), len(found), tuple(finding_id for _, finding_id in sorted(found)[:MOST_SHOWN]))


def previewed(parts: Parts, runs: int) -> tuple[Parts, int]:
    """The same; `RefusedError` INVALID_INPUT where there can be no such rule or no such number of runs."""
    if not 1 <= runs <= MOST_RUNS:
        raise RefusedError(UserErrorCode.INVALID_INPUT, f"runs must be from 1 to {MOST_RUNS}.", ("runs",))
    return checked(parts), runs


async def for_generation(connection: Connection, tenant_id: UUID) -> Sequence[Rule]:
    """The rules that stand until this transaction ends."""
    await store.hold_still(connection, tenant_id, to_change=False)
    return await store.live(connection, tenant_id)


async def _apply(connection: Connection, tenant_id: UUID, *, made: Parts | None = None, ended: bool = False) -> None:
    """Judges anew what a rule that was made may hide, and where one ended all that is hidden: in one pass, by id.

    A second pass would come back to findings before those that it holds, while somebody who acknowledges both waits
    for these and holds those.
    """
    standing = await store.live(connection, tenant_id)
    async for rows in store.held_against(connection, tenant_id, parts=made, hidden=ended):
        judged = await asyncio.to_thread(_judged, rows, standing)
        was = {row["id"]: (row["suppressed_by"], row["suppressed_until"]) for row in rows}
        changed = {key: one for key, one in judged.items() if was[key] != _columns(one)}
        await store.suppress(connection, changed)


def _judged(rows: Sequence[Row], rules: Sequence[Rule]) -> dict[UUID, Suppression | None]:
    in_part = any(rule.parts.of_changes for rule in rules)

    def of(row: Row) -> Suppression | None:
        subject = Subject(
            FindingKind(row["kind"]),
            None if row["change_type"] is None else ChangeType(row["change_type"]),
            row["item_type"],
            row["external_id"],
            row["display_name"],
        )
        looks = in_part and subject.change_type == ChangeType.MODIFIED
        changes = [PropertyChange.from_json(one) for one in unpack_evidence(row["evidence"])] if looks else []
        return suppression(rules, subject, changes)

    return {row["id"]: of(row) for row in rows}


def _columns(one: Suppression | None) -> tuple[UUID | None, datetime | None]:
    return (None, None) if one is None else (one.rule_id, one.until)


async def _known(connection: Connection, tenant_id: UUID, rule_id: UUID, field: str) -> None:
    if not await store.by_ids(connection, tenant_id, [rule_id]):
        raise RefusedError(UserErrorCode.NOT_FOUND, "There is no such rule.", ("input", field))
