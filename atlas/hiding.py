"""What a tenant's rules hide of the findings of a generation: judged before it takes effect, and again what moved.

Rules never change, they come and go: a judgement is as good as the set of rules that it was made against. So that many
rules over many findings hold up neither triage nor the transaction itself, all is judged beforehand; inside the effect
only what a rule speaks of that came or went meanwhile.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from atlas.domain.moves import Draft
from atlas.domain.rules import Rule, Subject, Suppression, is_about, suppression
from atlas.jobs import Lease
from atlas.store import rules as store
from atlas.store.database import Connection, Database

MOST_AT_ONCE = 10_000
"""So many changes times rules are judged between two words to the database, which takes about a hundredth of a second.
A transaction that is silent for a minute is ended by it.
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """The rules that stood, and what they hide of the drafts by their ids."""

    rules: Sequence[Rule]
    hidden: Mapping[UUID, Suppression]


async def beforehand(worker: Database, lease: Lease, drafts: Sequence[Draft]) -> Judged:
    """Judges all drafts by the rules as they stand now, and holds nobody up."""
    async with worker.transaction(lease.context, readonly=True) as connection:
        standing = await store.live(connection, lease.job.tenant_id)
    hidden = await asyncio.to_thread(_judged, standing, drafts) if standing else {}
    return Judged(standing, hidden)


async def at_last(
    connection: Connection, standing: Sequence[Rule], drafts: Sequence[Draft], before: Judged
) -> Mapping[UUID, Suppression]:
    """What hides these of the drafts, by the rules that stand until this transaction ends. Inside the effect."""
    moved = set(standing) ^ set(before.rules)
    if not moved:
        return before.hidden
    again = await asyncio.to_thread(_spoken_of, moved, drafts)
    doubted = {one.id for one in again}
    hidden = {key: one for key, one in before.hidden.items() if key not in doubted}
    for part in _parts(again, len(standing)):
        hidden |= await asyncio.to_thread(_judged, standing, part)
        await store.stay_awake(connection)
    return hidden


def _spoken_of(moved: Iterable[Rule], drafts: Sequence[Draft]) -> list[Draft]:
    """A rule that is not about a finding has no part in what is said of it, whether it stands or not."""
    return [one for one in drafts if any(is_about(rule.parts, _subject(one)) for rule in moved)]


def _judged(standing: Sequence[Rule], drafts: Sequence[Draft]) -> dict[UUID, Suppression]:
    found = {one.id: suppression(standing, _subject(one), one.changes) for one in drafts}
    return {key: one for key, one in found.items() if one is not None}


def _subject(one: Draft) -> Subject:
    return Subject(one.kind, one.change_type, one.item_type, one.external_id, one.display_name)


def _parts(drafts: Sequence[Draft], rules_: int) -> Iterator[Sequence[Draft]]:
    """The drafts in parts of bounded work, one draft at least in each."""
    part: list[Draft] = []
    work = 0
    for one in drafts:
        cost = (1 + len(one.changes)) * rules_
        if part and work + cost > MOST_AT_ONCE:
            yield part
            part, work = [], 0
        part.append(one)
        work += cost
    if part:
        yield part
