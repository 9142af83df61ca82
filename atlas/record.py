"""Recording: what a source holds becomes a run of its scope. Done by whoever holds the run's lease."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from atlas import held, jobs
from atlas.canonicalising import Inventory, canonicalise, without_doubt
from atlas.domain.canonical import Item, encode_body
from atlas.domain.errors import OperatorError
from atlas.domain.evaluation import comparable
from atlas.domain.holding import Threshold, beyond
from atlas.domain.identity import Duplicate, item_id, plain_id, separate_duplicates
from atlas.domain.keys import derive_tenant_key
from atlas.domain.profiles import PROFILES, Profiles
from atlas.domain.selection import Selection
from atlas.domain.vocabulary import CoverageStatus, SyncSource
from atlas.jobs import Lease
from atlas.run_end import STALE, STALE_MESSAGE, end_failed, end_reading, end_recorded, overtake, told
from atlas.sources.folder import read_folder
from atlas.sources.model import UnitReading
from atlas.store import aliases, generation, labels, recording, sync_runs
from atlas.store import held as held_store
from atlas.store.database import Connection, Context, Database
from atlas.sync import request

LEASE_SECONDS = 60

Progress = Callable[[int, int], None]
Named = tuple[str, str, str]
"""An object under an old form: its type, its id in the source, and its hash."""


async def record_folder(
    db: Database,
    worker: Database,
    context: Context,
    *,
    path: Path,
    deployment_key: bytes,
    previous_keys: Sequence[bytes] = (),
    label: str | None = None,
    item_types: Sequence[str] | None = None,
    profiles: Sequence[Profiles] = PROFILES,
    threshold: Threshold = Threshold(),  # noqa: B008
    on_progress: Progress | None = None,
) -> UUID:
    """Records an export folder as a sync run of the tenant, and returns the run's id.

    The run ends SUCCEEDED, PARTIAL (a type could not be read to its end) or FAILED (none could), or it is held as
    NEEDS_CONFIRMATION (too much is missing, by the threshold): read it to tell.
    `previous_keys` are deployment keys from before a rotation: the first run after one compares under them, as it
    does under the earlier `profiles` after a release with better ones.
    Raises `RefusedError` NOT_FOUND, FORBIDDEN, INVALID_INPUT; `OperatorError` where the folder cannot be read at all.
    """
    label = label or _folder_name(path)
    selection = Selection(SyncSource.FOLDER, item_types=tuple(sorted(set(item_types))) if item_types else None)
    job = await request(db, context, selection, label)
    lease = await jobs.claim(worker, job, lease_seconds=LEASE_SECONDS)
    if lease is None:
        raise OperatorError("RUN_TAKEN", "The sync run was taken by another process.", "Sync again.")
    keys = [derive_tenant_key(one, job.tenant_id) for one in (deployment_key, *previous_keys)]
    try:
        async with jobs.kept(worker, lease):
            reading = await asyncio.to_thread(
                read_folder, path, item_types=selection.item_types, on_progress=on_progress
            )
            await end_reading(worker, lease)
            inventory = await asyncio.to_thread(canonicalise, reading, *keys, profiles=profiles)
            await record(worker, lease, inventory, threshold)
    except OperatorError as error:
        await jobs.fail(worker, lease, code=error.code, message=error.message)
        raise
    except BaseException:
        await jobs.fail(worker, lease, code="INTERRUPTED", message="The sync was interrupted before it was recorded.")
        raise
    return job.run_id


async def record(
    worker: Database,
    lease: Lease,
    inventory: Inventory,
    threshold: Threshold = Threshold(),  # noqa: B008
) -> None:
    """Records the inventory in one transaction under the scope's lock; the job ends with it.

    A run in which no type was complete ends FAILED and records nothing; one that started before the newest
    recorded run is stale and ends FAILED too. One that lacks more than the threshold is held: NEEDS_CONFIRMATION.
    """
    async with jobs.effect(worker, lease) as connection:
        run = await recording.scope_of_run(connection, lease.job.tenant_id, lease.job.run_id)
        last = await recording.lock_scope(connection, lease.job.tenant_id, run["scope_id"])
        units = await _with_absent(connection, lease, run["scope_id"], run["selection"], inventory.units)
        newest = await recording.started_at(connection, lease.job.tenant_id, run["scope_id"], last)
        if newest is not None and newest > run["started_at"]:
            await end_failed(connection, lease, run["scope_id"], _rows(units), STALE, STALE_MESSAGE)
        elif not any(unit.status == CoverageStatus.COMPLETE for unit in units):
            message = "No item type could be read to its end. " + told(inventory.problems)
            await end_failed(connection, lease, run["scope_id"], _rows(units), "NOTHING_COMPLETE", message)
        else:
            whole = replace(inventory, units=tuple(units))
            await _record(connection, lease, run["scope_id"], last + 1, whole, threshold)
    await worker.notify([lease.job.tenant_id])


async def _with_absent(
    connection: Connection,
    lease: Lease,
    scope_id: UUID,
    selection: Mapping[str, Any],
    units: Sequence[UnitReading],
) -> list[UnitReading]:
    """Adds the types that the scope holds and the export does not: an export writes no folder for an empty type."""
    told = {unit.item_type for unit in units}
    held = await generation.held_types(connection, lease.job.tenant_id, scope_id)
    absent = [
        UnitReading(
            item_type=item_type,
            status=CoverageStatus.ABSENT,
            observed=0,
            expected=None,
            api_version=None,
            error_code=None,
            message="The export holds no object of this type. If there is none any more, name the type with --types.",
        )
        for item_type in sorted(held - told)
        if not selection.get("itemTypes")
    ]
    return [*units, *absent]


async def _record(
    connection: Connection, lease: Lease, scope_id: UUID, seq: int, inventory: Inventory, threshold: Threshold
) -> None:
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    complete = [unit.item_type for unit in inventory.units if unit.status == CoverageStatus.COMPLETE]
    inventory, renamed = await _in_recorded_form(connection, tenant_id, scope_id, inventory, complete)
    items, duplicates = await _separate(connection, tenant_id, scope_id, inventory.items, set(complete))
    incoming = [incoming_of(scope_id, item) for item in items]
    delta = await recording.stage(connection, tenant_id, scope_id, incoming, complete)
    bodies = {item.hash: encode_body(item.properties) for item in items if item.hash in delta.unknown}
    await recording.insert_contents(connection, tenant_id, bodies)
    old_names = await asyncio.to_thread(inventory.old_names, delta.unknown)
    await alias_returning(connection, tenant_id, old_names)
    await recording.insert_duplicates(connection, tenant_id, run_id, map(duplicate_row, duplicates))
    await labels.write(connection, tenant_id, inventory.labels)
    if inventory.problems and len(complete) == len(inventory.units):
        # No type fails for it, so nothing else of the run tells of it.
        await sync_runs.note(connection, tenant_id, run_id, f"Left out: {told(inventory.problems)}")
    drops = beyond(await held_store.drops(connection, tenant_id, scope_id), threshold)
    if drops:
        await held.keep(connection, lease, scope_id, items=incoming, units=_rows(inventory.units))
        await held.hold(connection, lease, scope_id, drops=drops)
        return
    await recording.apply(connection, tenant_id, scope_id, seq)
    await _rename(connection, tenant_id, scope_id, items, renamed)
    await aliases.set_forms(connection, tenant_id, scope_id, dict.fromkeys(complete, inventory.form))
    units = _rows(inventory.units)
    await recording.insert_units(connection, tenant_id, scope_id, run_id, seq, units)
    await overtake(connection, lease, scope_id)
    await end_recorded(
        connection, lease, scope_id, seq, delta=delta, number=len(items), units=units, problems=inventory.problems
    )


async def _in_recorded_form(
    connection: Connection, tenant_id: UUID, scope_id: UUID, inventory: Inventory, complete: Sequence[str]
) -> tuple[Inventory, Mapping[Named, Item]]:
    """The inventory in the form that each type's open contents have, and for each of its items what that is now.

    A type whose form or key changed is compared under the old one for this run, and renamed after it.
    """
    recorded = await aliases.forms(connection, tenant_id, scope_id)
    old: dict[str, set[str]] = defaultdict(set)
    for item_type in complete:
        if recorded.get(item_type, inventory.form) != inventory.form:
            old[recorded[item_type]].add(item_type)
    items, renamed = list(inventory.items), dict[Named, Item]()
    for form, item_types in sorted(old.items()):
        pairs = await asyncio.to_thread(inventory.under_old_form, form, item_types)
        if pairs is not None:
            items = [item for item in items if item.item_type not in item_types] + [before for before, _ in pairs]
            renamed |= {_named(before): after for before, after in pairs}
    return replace(inventory, items=tuple(items)), renamed


async def _rename(
    connection: Connection, tenant_id: UUID, scope_id: UUID, items: Sequence[Item], renamed: Mapping[Named, Item]
) -> None:
    """What was compared under an old form goes on under the new one, and the alias is kept."""
    if not renamed:
        return
    await recording.insert_contents(
        connection, tenant_id, {item.hash: encode_body(item.properties) for item in renamed.values()}
    )
    names = without_doubt([(old, item.hash) for (_, _, old), item in renamed.items()])
    await aliases.write(connection, tenant_id, names)
    by_type: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for item in items:
        if (now := renamed.get(_named(item))) is not None:
            by_type[item.item_type][item.external_id] = (now.hash, now.settings_hash)
    for item_type, hashes in by_type.items():
        await aliases.rename_open(connection, tenant_id, scope_id, item_type, hashes)


def _named(item: Item) -> Named:
    """Objects that were equal under the old form may differ under the new one, so each is renamed by itself."""
    return item.item_type, plain_id(item.external_id), item.hash


async def alias_returning(connection: Connection, tenant_id: UUID, old_names: Mapping[str, str]) -> None:
    """A content that comes back is the one that an older form named; but a name that stands under this form stays."""
    known = await recording.stored(connection, tenant_id, old_names)
    standing = await aliases.newest(connection, tenant_id, known)
    names = {
        old: old_names[old] for old in known if old not in standing or not comparable(standing[old], old_names[old])
    }
    await aliases.write(connection, tenant_id, names)


async def _separate(
    connection: Connection, tenant_id: UUID, scope_id: UUID, items: Sequence[Item], complete: set[str]
) -> tuple[list[Item], list[Duplicate]]:
    """Keeps apart what came under one (type, id), the way the runs before did."""
    wanted = [item for item in items if item.item_type in complete]
    times = Counter((item.item_type, item.external_id) for item in wanted)
    shared = {key for key, number in times.items() if number > 1}
    derived = await recording.derived_keys(connection, tenant_id, scope_id, sorted(complete))
    known = shared | {(item_type, plain_id(external_id)) for item_type, external_id in derived}
    return separate_duplicates(wanted, await recording.held_under(connection, tenant_id, scope_id, sorted(known)))


def _folder_name(path: Path) -> str:
    if not path.is_dir():
        what = "is no folder" if path.exists() else "does not exist"
        raise OperatorError("NO_FOLDER", f"{path} {what}.", "Name the folder that the export was written to.")
    return path.resolve().name or "export"


def _rows(units: Sequence[UnitReading]) -> list[dict[str, Any]]:
    return [asdict(unit) for unit in units]


def incoming_of(scope_id: UUID, item: Item) -> recording.Incoming:
    return recording.Incoming(
        item_type=item.item_type,
        external_id=item.external_id,
        hash=item.hash,
        settings_hash=item.settings_hash,
        display_name=item.display_name,
        platform=item.platform,
        item_id=item_id(scope_id, item.item_type, item.external_id),
    )


def duplicate_row(duplicate: Duplicate) -> dict[str, Any]:
    """What a run keeps of several objects under one id: their names, for the finding that tells of them."""
    return {
        "item_type": duplicate.item_type,
        "external_id": duplicate.external_id,
        "display_name": duplicate.kept_name,
        "detail": {"names": [duplicate.kept_name, *(name for _, name, _ in duplicate.others)]},
    }
