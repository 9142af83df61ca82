"""Staging: what Graph gives is put aside page by page, and recorded in one transaction when all of it is there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from atlas import held, jobs
from atlas.canonicalising import without_doubt
from atlas.domain.canonical import CanonicalError, Item, canonical_item, encode_body, form_of
from atlas.domain.holding import Threshold, beyond
from atlas.domain.identity import item_id, plain_id, separate_duplicates
from atlas.domain.keys import TenantKey
from atlas.domain.naming import Named, names_in
from atlas.domain.profiles import PROFILES, Profiles
from atlas.domain.vocabulary import CoverageStatus
from atlas.jobs import Lease
from atlas.record import alias_returning, duplicate_row, incoming_of
from atlas.run_end import STALE, STALE_MESSAGE, end_recorded, overtake, told
from atlas.sources.model import SourceObject, UnitReading
from atlas.store import aliases, recording, staging
from atlas.store import held as held_store
from atlas.store import jobs as job_store
from atlas.store.database import Connection, Database
from atlas.store.recording import Incoming
from atlas.store.staging import Staged

Form = tuple[TenantKey, Profiles]


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms that a tenant's contents may have: the present one, and those under earlier keys and profiles."""

    present: Form
    earlier: tuple[Form, ...] = ()

    def recorded(self, prefix: str | None) -> Form:
        """The form whose hashes have this prefix; the present one where nobody knows it any more."""
        return next((one for one in self.earlier if form_of(*one) == prefix), self.present)


def forms_of(keys: Sequence[TenantKey], profiles: Sequence[Profiles] = PROFILES) -> Forms:
    """Every form under these keys and profiles, the present ones first."""
    present, *earlier = [(key, version) for key in keys for version in profiles]
    return Forms(present, tuple(earlier))


@dataclass(frozen=True, slots=True)
class Page:
    """Objects in canonical form: as the scope's open contents have it, and beside it as they go on.

    `problems` are what could not be told, and `named` what the objects name by ids.
    """

    items: tuple[Item, ...]
    renamed: tuple[Item | None, ...]
    earlier: dict[str, str]
    problems: tuple[str, ...]
    named: frozenset[Named]


async def stage(
    worker: Database, lease: Lease, scope_id: UUID, objects: Sequence[SourceObject], forms: Forms, compared: Form
) -> Page:
    """Puts one page aside: contents by their hash, and a staged row an object.

    `compared` is the form in which the scope's contents of this type stand recorded.
    """
    page = await asyncio.to_thread(_canonical, objects, forms, compared)
    tenant_id = lease.job.tenant_id
    bodies = {one.hash: one for one in (*page.items, *filter(None, page.renamed))}
    async with jobs.effect(worker, lease) as connection:
        # What is known stays until the rows are there that name it.
        await recording.hold_contents(connection, tenant_id, to_prune=False)
        known = await recording.stored(connection, tenant_id, bodies)
        missing = {key: encode_body(one.properties) for key, one in bodies.items() if key not in known}
        await recording.insert_contents(connection, tenant_id, missing)
        await alias_returning(connection, tenant_id, {old: new for old, new in page.earlier.items() if new in missing})
        await staging.put(connection, tenant_id, lease.job.run_id, _rows(scope_id, page))
    return page


def _rows(scope_id: UUID, page: Page) -> list[Staged]:
    return [
        Staged(incoming_of(scope_id, item), *((None, None) if now is None else (now.hash, now.settings_hash)))
        for item, now in zip(page.items, page.renamed, strict=True)
    ]


def _canonical(objects: Sequence[SourceObject], forms: Forms, compared: Form) -> Page:
    items, renamed, problems = list[Item](), list[Item | None](), list[str]()
    earlier: list[tuple[str, str]] = []
    for source in objects:
        try:
            now = _item(source, forms.present)
            item = now if compared is forms.present else _item(source, compared)
        except CanonicalError as error:
            problems.append(f"{source.origin}: {error}")
            continue
        items.append(item)
        renamed.append(None if item is now else now)
        if item is now:
            # What a content was called in an earlier form: something may have been decided about it then.
            earlier += [(_item(source, form).hash, now.hash) for form in forms.earlier]
    named = frozenset[Named]().union(*(names_in(item.properties) for item in items))
    return Page(tuple(items), tuple(renamed), without_doubt(earlier), tuple(problems), named)


def _item(source: SourceObject, form: Form) -> Item:
    key, profiles = form
    return canonical_item(source.item_type, source.raw, key, source.external_id, profiles)


def judged(unit: UnitReading, problems: Sequence[str]) -> UnitReading:
    """A type with an object that cannot be told was not read to its end."""
    if not problems or unit.status != CoverageStatus.COMPLETE:
        return unit
    return replace(unit, status=CoverageStatus.FAILED, error_code="NOT_CANONICAL", message=told(problems))


async def record_staged(worker: Database, lease: Lease, form: str, threshold: Threshold) -> None:
    """Records what is staged in one transaction under the scope's lock; the job ends with it, as in `record`."""
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    async with jobs.effect(worker, lease) as connection:
        run = await recording.scope_of_run(connection, tenant_id, run_id)
        last = await recording.lock_scope(connection, tenant_id, run["scope_id"])
        units = [dict(unit) for unit in await staging.units(connection, tenant_id, run_id)]
        complete = [unit["item_type"] for unit in units if unit["status"] == CoverageStatus.COMPLETE]
        newest = await recording.started_at(connection, tenant_id, run["scope_id"], last)
        await staging.keep_complete(connection, tenant_id, run_id, complete)
        if newest is not None and newest > run["started_at"]:
            await _fail(connection, lease, STALE, STALE_MESSAGE)
        elif not complete:
            message = "No item type could be read to its end. " + told(_problems(units))
            await _fail(connection, lease, "NOTHING_COMPLETE", message)
        else:
            await _record(connection, lease, run["scope_id"], last + 1, units, complete, form, threshold)
    await worker.notify([tenant_id])


async def _record(
    connection: Connection,
    lease: Lease,
    scope_id: UUID,
    seq: int,
    units: Sequence[dict[str, Any]],
    complete: Sequence[str],
    form: str,
    threshold: Threshold,
) -> None:
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    await _separate(connection, tenant_id, run_id, scope_id, complete)
    delta = await staging.compare(connection, tenant_id, scope_id, run_id, complete)
    drops = beyond(await held_store.drops(connection, tenant_id, scope_id), threshold)
    if drops:
        await held.hold(connection, lease, scope_id, drops=drops)
        return
    await recording.apply(connection, tenant_id, scope_id, seq)
    await _rename(connection, tenant_id, run_id, scope_id)
    # A type that was staged before a key was rotated, or a profile bettered, stands recorded in the form it has.
    staged = await staging.forms(connection, tenant_id, run_id)
    await aliases.set_forms(connection, tenant_id, scope_id, dict.fromkeys(complete, form) | staged)
    await held_store.number_units(connection, tenant_id, run_id, seq)
    number = await staging.number(connection, tenant_id, run_id)
    await held_store.forget(connection, tenant_id, run_id)
    await overtake(connection, lease, scope_id)
    await end_recorded(
        connection, lease, scope_id, seq, delta=delta, number=number, units=units, problems=_problems(units)
    )


async def _separate(
    connection: Connection, tenant_id: UUID, run_id: UUID, scope_id: UUID, complete: Sequence[str]
) -> None:
    """Keeps apart what came under one (type, id), the way the runs before did. All else is left as it came."""
    derived = await recording.derived_keys(connection, tenant_id, scope_id, sorted(complete))
    known = await staging.shared(connection, tenant_id, run_id)
    known |= {(item_type, one) for item_type, external_id in derived for one in (external_id, plain_id(external_id))}
    came = await staging.under(connection, tenant_id, run_id, known)
    before = await recording.held_under(connection, tenant_id, scope_id, sorted(known))
    items, duplicates = separate_duplicates([_without_content(one) for one in came], before)
    places = {(one.item_type, one.external_id, one.hash) for one in came}
    for item in items:
        if (item.item_type, item.external_id, item.hash) not in places:
            came_as = item.item_type, plain_id(item.external_id), item.hash
            key = item_id(scope_id, item.item_type, item.external_id)
            await staging.rekey(connection, tenant_id, run_id, came_as, item.external_id, key)
    await recording.insert_duplicates(connection, tenant_id, run_id, map(duplicate_row, duplicates))


def _without_content(one: Incoming) -> Item:
    return Item(one.item_type, one.external_id, one.display_name, one.platform, {}, one.hash, one.settings_hash)


async def _rename(connection: Connection, tenant_id: UUID, run_id: UUID, scope_id: UUID) -> None:
    """What was compared under an earlier form goes on under the present one, and the alias is kept."""
    renamed = await staging.renamed(connection, tenant_id, run_id)
    await aliases.write(connection, tenant_id, without_doubt([(one.hash, one.renamed_hash) for one in renamed]))
    for item_type in sorted({one.item_type for one in renamed}):
        names = {
            one.external_id: (one.renamed_hash, one.renamed_settings_hash)
            for one in renamed
            if one.item_type == item_type
        }
        await aliases.rename_open(connection, tenant_id, scope_id, item_type, names)


async def _fail(connection: Connection, lease: Lease, code: str, message: str) -> None:
    tenant_id, run_id = lease.job.tenant_id, lease.job.run_id
    await held_store.forget(connection, tenant_id, run_id)
    await job_store.fail(connection, "sync", tenant_id, run_id, code=code, message=message)


def _problems(units: Sequence[dict[str, Any]]) -> list[str]:
    return [f"{unit['item_type']}: {unit['message']}" for unit in units if unit["message"]]
