"""What moved between two recorded runs of a scope, and of which item types the pair says anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from atlas.domain.canonical import decode_body
from atlas.domain.differ import diff
from atlas.domain.evaluation import Evaluation, comparable, evaluate, leave_out
from atlas.domain.evidence import PropertyChange
from atlas.domain.moves import Move
from atlas.store import aliases, generation, pairs
from atlas.store.database import Connection, Row


@dataclass(frozen=True, slots=True)
class Moved:
    """The objects whose content differs, by (type, id); `settings_hashes` holds that of each, as it is or last was."""

    evaluation: Evaluation
    complete: frozenset[str]
    moves: tuple[Move, ...]
    settings_hashes: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of a plain difference: moves, and the canonical bodies of both of their ends by hash."""

    moves: tuple[Move, ...]
    bodies: Mapping[str, bytes]


async def moved(
    connection: Connection, tenant_id: UUID, scope_id: UUID, *, current_run_id: UUID, baseline: int, current: int
) -> Moved:
    """What moved from the run number `baseline` to `current`, of the types that the pair says anything of."""
    coverage = await generation.coverage(connection, tenant_id, current_run_id)
    complete = frozenset(item_type for item_type, unit in coverage.items() if unit["status"] == "COMPLETE")
    before = await generation.complete_before(connection, tenant_id, scope_id, baseline, complete)
    evaluation = evaluate({key: (unit["status"], unit["message"]) for key, unit in coverage.items()}, before)
    rows = await generation.moved(connection, tenant_id, scope_id, sorted(evaluation.evaluated), baseline, current)
    moves = await _in_one_form(connection, tenant_id, [_move(row) for row in rows])
    foreign = {move.item_type for move in moves if not comparable(move.old_hash, move.new_hash)}
    return Moved(
        evaluation=leave_out(evaluation, foreign),
        complete=complete,
        moves=tuple(one for one in moves if one.item_type not in foreign and one.old_hash != one.new_hash),
        settings_hashes={
            (row["item_type"], row["external_id"]): row["new_settings_hash"] or row["old_settings_hash"] for row in rows
        },
    )


async def since_last_run(
    connection: Connection, tenant_id: UUID, scope_id: UUID, *, first: int, offset: int
) -> Difference:
    """A part of what differs between the scope's last two recorded runs; nothing where there are fewer."""
    runs = await pairs.newest_runs(connection, tenant_id, scope_id, 2)
    if len(runs) < 2:
        return Difference((), {})
    found = await moved(
        connection, tenant_id, scope_id,
        current_run_id=runs[0]["id"], baseline=runs[1]["seq"], current=runs[0]["seq"],
    )  # fmt: skip
    part = found.moves[offset : offset + first]
    return Difference(part, await generation.bodies(connection, tenant_id, ends(part)))


def ends(moves: Sequence[Move]) -> set[str]:
    """The hashes of the contents that the moves go between."""
    return {one for move in moves for one in (move.old_hash, move.new_hash) if one is not None}


def changes_of(move: Move, bodies: Mapping[str, bytes]) -> tuple[PropertyChange, ...]:
    """What changed in a move, property by property."""
    before, after = (None if end is None else decode_body(bodies[end]) for end in (move.old_hash, move.new_hash))
    return diff(before, after)


async def _in_one_form(connection: Connection, tenant_id: UUID, moves: Sequence[Move]) -> list[Move]:
    """A move over a change of form or key is told in the older form, under which both contents are known."""
    apart = [move for move in moves if not comparable(move.old_hash, move.new_hash)]
    if not apart:
        return list(moves)
    older = await aliases.older(connection, tenant_id, {move.new_hash for move in apart if move.new_hash})
    told = []
    for move in moves:
        names = older.get(move.new_hash or "", [])
        told.append(
            replace(move, new_hash=next((one for one in names if comparable(move.old_hash, one)), move.new_hash))
        )
    return told


def _move(row: Row) -> Move:
    return Move(
        item_type=row["item_type"],
        external_id=row["external_id"],
        display_name=row["new_name"] if row["new_name"] is not None else row["old_name"],
        platform=row["platform"],
        item_id=row["item_id"],
        old_hash=row["old_hash"],
        new_hash=row["new_hash"],
    )
