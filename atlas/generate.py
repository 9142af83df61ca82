"""Generating drift: what moved between two recorded runs becomes findings, and the findings' lives go on."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from atlas import hiding, jobs, rules
from atlas.domain.canonical import decode_body
from atlas.domain.errors import OperatorError
from atlas.domain.evaluation import Evaluation
from atlas.domain.identity import item_id
from atlas.domain.moves import Draft, Move, draft, shared_id
from atlas.domain.recreation import Candidate, Recreation, link
from atlas.domain.rules import Suppression
from atlas.domain.triage import Life
from atlas.domain.verdicts import Birth, Existing, Judgement, Verdict, judge, judge_data_quality
from atlas.domain.vocabulary import BaselineMode, ChangeType, DriftRunStatus, FindingKind, FindingStatus, Resolution
from atlas.jobs import Job, Lease
from atlas.moved import ends, moved
from atlas.store import aliases, effects, generation
from atlas.store import jobs as job_store
from atlas.store.bodies import pack_evidence
from atlas.store.database import Connection, Database, Row

Key = tuple[str, str]
Links = Mapping[UUID, tuple[UUID, Recreation]]
"""Finding -> (its other half, how alike they are), for what was removed and came back under another id."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a generation works on: the pair, what it may say anything about, and what moved."""

    pair: Row
    evaluation: Evaluation
    complete: frozenset[str]
    moves: tuple[Move, ...]
    settings_hashes: Mapping[Key, str]
    bodies: Mapping[str, bytes]
    duplicates: Sequence[Row]


async def generate(worker: Database, lease: Lease) -> Job | None:
    """Generates the drift of the leased run's pair. Findings, counts, status and event commit together, or not at all.

    Returns the scope's next run: its pairs are generated oldest first, so its message may have come too early.
    Raises `LeaseLostError` where another worker has the run by then; nothing was written in that case.
    """
    async with worker.transaction(lease.context, readonly=True) as connection:
        plan = await _plan(connection, lease)
    if plan.moves:
        await jobs.progress(worker, lease, 0, len(plan.moves))
    drafts = await asyncio.to_thread(_draft, lease.job.tenant_id, plan)
    links = await asyncio.to_thread(_recreations, plan, drafts)
    judged = await hiding.beforehand(worker, lease, drafts)
    async with jobs.effect(worker, lease) as connection:
        judgements, suppressed = await _take_effect(connection, lease, plan, drafts, links, judged)
        following = await generation.next_queued(
            connection, lease.job.tenant_id, plan.pair["scope_id"], lease.job.run_id
        )
        await _finish(connection, lease, plan, drafts, judgements, suppressed)
    await worker.notify([lease.job.tenant_id])
    return None if following is None else Job("drift", lease.job.tenant_id, following)


async def _plan(connection: Connection, lease: Lease) -> Plan:
    tenant_id = lease.job.tenant_id
    pair = await generation.pair(connection, tenant_id, lease.job.run_id)
    _refuse_pruned(pair)
    found = await moved(
        connection, tenant_id, pair["scope_id"],
        current_run_id=pair["current_run_id"], baseline=pair["baseline_seq"], current=pair["current_seq"],
    )  # fmt: skip
    return Plan(
        pair=pair,
        evaluation=found.evaluation,
        complete=found.complete,
        moves=found.moves,
        settings_hashes=found.settings_hashes,
        bodies=await generation.bodies(connection, tenant_id, ends(found.moves)),
        duplicates=await generation.duplicates(connection, tenant_id, pair["current_run_id"]),
    )


def _refuse_pruned(pair: Row) -> None:
    """A pair is asked for while its runs are kept, but a pruning may come between; it marks under the scope's lock."""
    if pair["pruned"]:
        raise OperatorError("RUN_PRUNED", "A run of this pair was pruned meanwhile.", "Ask for drift again.")


def _draft(tenant_id: UUID, plan: Plan) -> list[Draft]:
    """Pure work on what was read; long for a mass change, so it is done beside the event loop."""

    def body(content_hash: str | None) -> Mapping[str, Any] | None:
        return None if content_hash is None else decode_body(plan.bodies[content_hash])

    scope_key = plan.pair["scope_key"]
    return [draft(tenant_id, scope_key, move, body(move.old_hash), body(move.new_hash)) for move in plan.moves]


async def _take_effect(
    connection: Connection, lease: Lease, plan: Plan, drafts: Sequence[Draft], links: Links, judged: hiding.Judged
) -> tuple[Sequence[Judgement], int]:
    """The judgements, and how many of the findings that are NEW a rule hides."""
    tenant_id, pair = lease.job.tenant_id, plan.pair
    scope_id, current = pair["scope_id"], pair["current_seq"]
    generated = await generation.lock_scope(connection, tenant_id, scope_id)
    _refuse_pruned(await generation.pair(connection, tenant_id, lease.job.run_id))
    newest = generated is None or current >= generated
    # Everybody holds the scope before the rules, these before findings, and findings in the order of their ids.
    standing = await rules.for_generation(connection, tenant_id)
    now = await _contents(connection, tenant_id, plan, drafts, newest=newest)
    held = await effects.hold(connection, tenant_id, scope_id, now, sorted(plan.complete))
    judgement = await _judge(connection, tenant_id, plan, drafts, now, held, newest=newest)
    quality = await _data_quality(connection, tenant_id, plan, generated, held, newest=newest)
    births = [*judgement.births, *quality.births]
    hidden = await hiding.at_last(connection, standing, [born.draft for born in births], judged)
    rows = [_row(tenant_id, pair, born, links) | _suppressed(hidden.get(born.draft.id)) for born in births]
    await effects.insert_findings(connection, rows)
    verdicts = [*judgement.verdicts, *quality.verdicts]
    await effects.update_triage(connection, tenant_id, lease.job.run_id, [_change(verdict) for verdict in verdicts])
    seen = [one.draft.id for one in births] + sorted(judgement.known | quality.known)
    await effects.sight(connection, tenant_id, lease.job.run_id, seen, pair["observed_at"])
    if newest:
        await generation.set_judged(connection, tenant_id, scope_id, plan.evaluation.evaluated, current)
        await generation.set_generated(connection, tenant_id, scope_id, current)
    return (judgement, quality), sum(one.life.status == FindingStatus.NEW and one.draft.id in hidden for one in births)


def _suppressed(hidden: Suppression | None) -> dict[str, Any]:
    return {
        "suppressed_by": None if hidden is None else hidden.rule_id,
        "suppressed_until": None if hidden is None else hidden.until,
    }


async def _judge(
    connection: Connection,
    tenant_id: UUID,
    plan: Plan,
    drafts: Sequence[Draft],
    now: Mapping[Key, str | None],
    held: Sequence[Row],
    *,
    newest: bool,
) -> Judgement:
    """Judges under the newest name of each content, so that what was decided before a change of form still holds."""
    existing = [_existing(row) for row in held if row["kind"] == FindingKind.DRIFT]
    ends = [(one.old_hash, one.new_hash) for one in existing] + [(one.old_hash, one.new_hash) for one in drafts]
    hashes = {one for end in ends for one in end if one} | {one for one in now.values() if one}
    names = await aliases.newest(connection, tenant_id, hashes)

    def renamed(finding: Existing | Draft) -> Any:
        old_hash, new_hash = finding.old_hash or "", finding.new_hash or ""
        return replace(
            finding,
            old_hash=names.get(old_hash, finding.old_hash),
            new_hash=names.get(new_hash, finding.new_hash),
        )

    judgement = judge(
        [renamed(one) for one in drafts],
        [renamed(one) for one in existing],
        {key: names.get(one or "", one) for key, one in now.items()},
        mode=BaselineMode(plan.pair["baseline_mode"]),
        newest=newest,
    )
    told = {one.id: one for one in drafts}
    return replace(judgement, births=tuple(replace(one, draft=told[one.draft.id]) for one in judgement.births))


async def _contents(
    connection: Connection, tenant_id: UUID, plan: Plan, drafts: Sequence[Draft], *, newest: bool
) -> dict[Key, str | None]:
    """(type, id) -> what the newest generated run holds, of every object whose findings may have to be judged.

    For the newest pair that is what moved since its type was last judged, which may reach further back than the pair.
    """
    scope_id, current = plan.pair["scope_id"], plan.pair["current_seq"]
    judged = await generation.judged(connection, tenant_id, scope_id)
    now: dict[Key, str | None] = {(one.item_type, one.external_id): one.new_hash for one in drafts}
    if newest:
        since: dict[int, list[str]] = defaultdict(list)
        for item_type in sorted(plan.evaluation.evaluated):
            since[judged.get(item_type, plan.pair["baseline_seq"])].append(item_type)
        for seq, item_types in since.items():
            for row in await generation.moved(connection, tenant_id, scope_id, item_types, seq, current):
                now[row["item_type"], row["external_id"]] = row["new_hash"]
        return now
    by_seq: dict[int, list[Key]] = defaultdict(list)
    for key in now:
        by_seq[max(current, judged.get(key[0], current))].append(key)
    for seq, keys in by_seq.items():
        hashes = await generation.hashes_at(connection, tenant_id, scope_id, keys, seq)
        now |= {key: hashes.get(key) for key in keys}
    return now


async def _data_quality(
    connection: Connection, tenant_id: UUID, plan: Plan, generated: int | None, held: Sequence[Row], *, newest: bool
) -> Judgement:
    pair = plan.pair
    drafts = [
        shared_id(
            tenant_id,
            pair["scope_key"],
            item_type=row["item_type"],
            external_id=row["external_id"],
            display_name=row["display_name"],
            item_id=item_id(pair["scope_id"], row["item_type"], row["external_id"]),
            names=row["detail"]["names"],
        )
        for row in plan.duplicates
    ]
    existing = [_existing(row) for row in held if row["kind"] == FindingKind.DATA_QUALITY]
    standing = frozenset[Key]()
    if not newest and generated is not None:
        standing = await generation.duplicated_at(connection, tenant_id, pair["scope_id"], generated)
    return judge_data_quality(drafts, existing, newest=newest, standing=standing)


def _recreations(plan: Plan, drafts: Sequence[Draft]) -> Links:
    ids = {(one.item_type, one.external_id): one.id for one in drafts}
    linked: dict[UUID, tuple[UUID, Recreation]] = {}
    for one in link(_candidates(plan, drafts, ChangeType.REMOVED), _candidates(plan, drafts, ChangeType.ADDED)):
        gone = ids[one.removed.item_type, one.removed.external_id]
        came = ids[one.added.item_type, one.added.external_id]
        linked |= {gone: (came, one), came: (gone, one)}
    return linked


def _candidates(plan: Plan, drafts: Sequence[Draft], change_type: ChangeType) -> list[Candidate]:
    return [
        Candidate(
            item_type=one.item_type,
            external_id=one.external_id,
            display_name=one.display_name,
            settings_hash=plan.settings_hashes[one.item_type, one.external_id],
            properties=decode_body(plan.bodies[one.new_hash or one.old_hash or ""]),
        )
        for one in drafts
        if one.change_type == change_type
    ]


def _existing(row: Row) -> Existing:
    holds = row["acknowledged_by"] is not None and (
        row["acknowledged_until"] is None or row["acknowledged_until"] > datetime.now(UTC)
    )
    life = Life(
        status=FindingStatus(row["status"]),
        resolution=None if row["resolution"] is None else Resolution(row["resolution"]),
        is_current=row["is_current"],
        superseded=row["superseded_by"] is not None,
        occurrences=row["occurrences"],
        acknowledged=holds,
    )
    return Existing(
        id=row["id"],
        kind=FindingKind(row["kind"]),
        fingerprint=row["fingerprint"],
        item_type=row["item_type"],
        external_id=row["external_id"],
        old_hash=row["baseline_hash"],
        new_hash=row["current_hash"],
        life=life,
        superseded_by=row["superseded_by"],
    )


def _row(tenant_id: UUID, pair: Row, born: Birth, links: Links) -> dict[str, Any]:
    """The columns of a new finding."""
    one, life = born.draft, born.life
    other, link_ = links.get(one.id, (None, None))
    return {
        "tenant_id": tenant_id,
        "id": one.id,
        "scope_id": pair["scope_id"],
        "kind": one.kind,
        "fingerprint": one.fingerprint,
        "change_type": one.change_type,
        "severity": one.severity,
        "severity_reasons": list(one.severity_reasons),
        "status": life.status,
        "resolution": life.resolution,
        "is_current": life.is_current,
        "item_type": one.item_type,
        "external_id": one.external_id,
        "item_id": one.item_id,
        "display_name": one.display_name,
        "platform": one.platform,
        "evidence": pack_evidence([change.to_json() for change in one.changes]),
        "change_count": len(one.changes),
        "baseline_hash": one.old_hash,
        "current_hash": one.new_hash,
        "baseline_run_id": pair["baseline_run_id"],
        "current_run_id": pair["current_run_id"],
        "first_seen_at": pair["observed_at"],
        "last_seen_at": pair["observed_at"],
        "occurrences": life.occurrences,
        "superseded_by": born.superseded_by,
        "recreation_of": other,
        "recreation_similarity": link_.similarity if link_ else None,
        "recreation_identical": link_.identical if link_ else None,
    }


def _change(verdict: Verdict) -> dict[str, Any]:
    life = verdict.life
    return {
        "finding_id": verdict.finding_id,
        "status": life.status,
        "resolution": life.resolution,
        "is_current": life.is_current,
        "superseded_by": verdict.superseded_by,
        "occurrences": life.occurrences,
        # NEW again: an acknowledgement that ran out while the finding was resolved is none.
        "forget": life.status == FindingStatus.NEW,
        "returned": verdict.returned,
    }


async def _finish(
    connection: Connection,
    lease: Lease,
    plan: Plan,
    drafts: Sequence[Draft],
    judgements: Sequence[Judgement],
    suppressed: int,
) -> None:
    """Counts and status, in the transaction of the findings that they count."""
    of_type = Counter(one.change_type for one in drafts)
    await job_store.write(
        connection, "drift", lease.job.tenant_id, lease.job.run_id,
        status=DriftRunStatus.SUCCEEDED,
        lease_token=None,
        lease_until=None,
        finished_at=job_store.now(),
        progress_done=len(drafts),
        progress_total=len(drafts),
        added=of_type[ChangeType.ADDED],
        removed=of_type[ChangeType.REMOVED],
        modified=of_type[ChangeType.MODIFIED],
        property_changes=sum(len(one.changes) for one in drafts if one.change_type == ChangeType.MODIFIED),
        findings_new=sum(one.findings_new for one in judgements) - suppressed,
        findings_suppressed=suppressed,
        findings_reopened=sum(one.findings_reopened for one in judgements),
        findings_resolved=sum(one.findings_resolved for one in judgements),
        findings_unchanged=sum(one.findings_unchanged for one in judgements),
        not_evaluated=[asdict(one) for one in plan.evaluation.not_evaluated],
    )  # fmt: skip
