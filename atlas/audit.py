"""Whether the audit record of a tenant is whole: its chain verified link by link, and checkpoints of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from atlas.access import require, tenant_of
from atlas.domain.audit_chain import Broken, Checkpoint, Fault, Position, missing, walk
from atlas.domain.errors import RefusedError
from atlas.domain.vocabulary import Capability, UserErrorCode
from atlas.store import audit_chain as store
from atlas.store.database import Context, Database

BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """`first` to `position.seq` were followed and hold; `broken` is the first link that does not.

    `checkpoints` is how many were compared with the chain. `first` is above 1 where the older records were pruned.
    """

    first: int
    position: Position
    checkpoints: int
    broken: Broken | None


async def checkpoint(db: Database, context: Context) -> Checkpoint:
    """Where the chain stands now. Needs READ_AUDIT. CONFLICT where the chain does not end at its head."""
    tenant_id, ends = await _ends(db, context)
    if ends.head is None or ends.head != ends.last:
        raise RefusedError(
            UserErrorCode.CONFLICT,
            "The chain of the audit record does not end where it should. `atlas audit verify` names the broken link.",
        )
    return Checkpoint(tenant_id, ends.head, datetime.now(UTC))


async def verify(
    db: Database,
    context: Context,
    checkpoints: Sequence[Checkpoint] = (),
    *,
    pruned: bool = False,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> Verdict:
    """Follows the chain from its beginning, and computes every hash anew. Needs READ_AUDIT.

    With `pruned` it may begin right behind one of the checkpoints. What is recorded meanwhile is not looked at.
    """
    tenant_id, ends = await _ends(db, context)
    if any(one.tenant_id != tenant_id for one in checkpoints):
        raise RefusedError(UserErrorCode.INVALID_INPUT, "A checkpoint is of another tenant.", ("checkpoint",))
    start, known = Position(), {one.position.seq: one for one in checkpoints}
    if contradiction := _contradiction(checkpoints):
        return Verdict(1, start, 0, contradiction)
    if pruned:
        start = _start(ends, known)
    if ends.first is not None and ends.first > start.seq + 1:
        return Verdict(1, start, 0, missing(1, why=f"the chain begins with record {ends.first}"))
    position, broken = await _follow(db, context, start, ends, known, on_progress)
    broken = broken or _fault_at_the_end(position, ends, checkpoints) or await _unlinked(db, context)
    if broken is not None:
        # Whoever loses the right meanwhile sees no links any more, and that is no broken chain.
        await _ends(db, context)
    compared = sum(start.seq <= seq <= position.seq for seq in known)
    return Verdict(start.seq + 1, position, compared, broken)


def _start(ends: store.Ends, known: dict[int, Checkpoint]) -> Position:
    """Where a pruned chain begins: at the checkpoint right before its first link; before its head, if it has none."""
    before = ends.first - 1 if ends.first is not None else ends.head.seq if ends.head is not None else 0
    return known[before].position if before in known else Position()


def _contradiction(checkpoints: Sequence[Checkpoint]) -> Broken | None:
    """Two checkpoints of one link that tell two hashes: there were two histories, whatever the chain says now."""
    seen: dict[int, bytes] = {}
    for one in sorted(checkpoints, key=lambda one: one.position.seq):
        if seen.setdefault(one.position.seq, one.position.hash) != one.position.hash:
            seq = one.position.seq
            return Broken(Fault.CHECKPOINT, seq, None, f"Two checkpoints saw two different records {seq}.")
    return None


async def _follow(
    db: Database,
    context: Context,
    position: Position,
    ends: store.Ends,
    known: dict[int, Checkpoint],
    on_progress: Callable[[int, int | None], None] | None,
) -> tuple[Position, Broken | None]:
    """From the position to where the chain ended when it was asked, in short transactions."""
    last = 0 if ends.last is None else ends.last.seq
    broken = None
    while broken is None and position.seq < last:
        async with db.transaction(context, readonly=True) as connection:
            links = await store.links_after(connection, tenant_of(context), position.seq, last=last, most=BATCH)
        if not links:
            return position, missing(position.seq + 1)
        position, broken = walk(position, links, known)
        if on_progress is not None:
            on_progress(position.seq, last)
    return position, broken


def _fault_at_the_end(position: Position, ends: store.Ends, checkpoints: Sequence[Checkpoint]) -> Broken | None:
    beyond = [one for one in checkpoints if one.position.seq > position.seq]
    if beyond:
        return missing(position.seq + 1, why=f"a checkpoint saw record {max(one.position.seq for one in beyond)}")
    if ends.head is None:
        return Broken(Fault.HEAD, position.seq or None, None, "The head of the chain is missing.")
    if ends.head.seq > position.seq:
        return missing(position.seq + 1, why=f"the chain went on to record {ends.head.seq}")
    if ends.head != position:
        message = f"The head of the chain names another record {ends.head.seq} than the last, which is {position.seq}."
        return Broken(Fault.HEAD, position.seq or None, None, message)
    return None


async def _unlinked(db: Database, context: Context) -> Broken | None:
    """An event that the chain does not hold was written past the triggers, or its link was deleted."""
    after: UUID | None = None
    while True:
        async with db.transaction(context, readonly=True) as connection:
            found, after = await store.unlinked(connection, tenant_of(context), after, most=BATCH)
        if found:
            return Broken(Fault.UNLINKED, None, found[0], f"The event {found[0]} is not part of the chain.")
        if after is None:
            return None


async def _ends(db: Database, context: Context) -> tuple[UUID, store.Ends]:
    async with db.transaction(context, readonly=True) as connection:
        await require(connection, context, Capability.READ_AUDIT)
        tenant_id = tenant_of(context)
        return tenant_id, await store.ends(connection, tenant_id)
