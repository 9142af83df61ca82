"""Two tenants that hold the same export, and everybody who may ask: members of one, of both, and of none."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4, uuid5

import orjson
from sqlalchemy import text

from atlas import access, drift, generate, jobs, rules, triage
from atlas.access import Principal
from atlas.domain.holding import Threshold
from atlas.domain.rules import Parts
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import Role, SyncSource
from atlas.record import record_folder
from atlas.schema.ids import encode_id
from atlas.store.database import Context, Database
from tests.factories import DEPLOYMENT_KEY, Tenant
from tests.isolation.atoms import atoms, inflated
from tests.isolation.exports import Exports
from tests.schema.runs import RUNNING, make_sync_run

KEY = scope_key(Selection(SyncSource.FOLDER))
NAMED_TYPES = ("configurationPolicy",)
PINNED_KEY = scope_key(Selection(SyncSource.FOLDER, item_types=NAMED_TYPES))
UNTIL = datetime(2099, 1, 1, tzinfo=UTC)
IDEMPOTENCY_KEY = "the same key in both tenants"


@dataclass(frozen=True, slots=True)
class Databases:
    """The real roles, each over a pool of its own."""

    owner: Database
    api: Database
    worker: Database


@dataclass(frozen=True, slots=True)
class Realm:
    """A tenant of the world. `mark` is in each text that only this tenant holds."""

    tenant: Tenant
    mark: str
    entra_id: UUID

    @property
    def id(self) -> UUID:
        return self.tenant.id


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever asks, with the role in each tenant that they are a member of, and the ids of those memberships."""

    name: str
    principal: Principal
    roles: Mapping[UUID, Role]
    memberships: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class World:
    """`own` is what only one of the tenants holds, as atoms, by tenant; `capabilities` is what the policy says."""

    databases: Databases
    alpha: Realm
    beta: Realm
    people: tuple[Person, ...]
    own: Mapping[UUID, frozenset[str]]
    capabilities: Mapping[Role, frozenset[str]]

    @property
    def realms(self) -> tuple[Realm, Realm]:
        return self.alpha, self.beta

    def other(self, realm: Realm) -> Realm:
        return self.beta if realm is self.alpha else self.alpha

    def owner_of(self, realm: Realm) -> Person:
        return self.member(realm, Role.OWNER)

    def member(self, realm: Realm, role: Role) -> Person:
        """Who is a member of this tenant alone, with this role."""
        return next(person for person in self.people if person.roles == {realm.id: role})

    def hidden_from(self, person: Person) -> frozenset[str]:
        """What no answer to this person may hold."""
        return frozenset().union(*(own for tenant_id, own in self.own.items() if tenant_id not in person.roles))


async def make_world(databases: Databases, folder: Path) -> World:
    exports = Exports.write(folder)
    alpha, beta = [await _make_realm(databases, name, exports) for name in ("alpha", "beta")]
    people = [
        Person(f"{role} of {realm.mark}", _local(realm.tenant.members[role], f"{role}-{realm.mark}"), {realm.id: role})
        for realm in (alpha, beta)
        for role in Role
    ]
    people += [await _in_both(databases, one, other) for one, other in ((alpha, beta), (beta, alpha))]
    people.append(Person("nobody", await access.ensure_local_principal(databases.api, f"nobody-{uuid4().hex}"), {}))
    people = [replace(person, memberships=await memberships_of(databases.owner, person)) for person in people]
    found = {realm.id: await _atoms_of(databases.owner, realm.id) for realm in (alpha, beta)}
    own = {alpha.id: found[alpha.id] - found[beta.id], beta.id: found[beta.id] - found[alpha.id]}
    return World(databases, alpha, beta, tuple(people), own, await _capabilities(databases.owner))


async def _in_both(databases: Databases, first: Realm, second: Realm) -> Person:
    """Reads in one tenant and owns the other: what a role allows in one must not hold in the other."""
    name = f"both-{uuid4().hex[:8]}"
    principal = await access.ensure_local_principal(databases.api, name)
    roles = {first.id: Role.READER, second.id: Role.OWNER}
    for realm in (first, second):
        await access.set_membership(databases.api, realm.tenant.owner, principal.id, roles[realm.id])
    return Person(f"READER of {first.mark} and OWNER of {second.mark}", principal, roles)


async def memberships_of(owner: Database, person: Person) -> frozenset[str]:
    query = text("select tenant_id, id from atlas.memberships where principal_id = :id")
    async with owner.transaction() as connection:
        rows = (await connection.execute(query, {"id": person.principal.id})).all()
    return frozenset(encode_id("Membership", *row) for row in rows)


def _local(principal_id: UUID, name: str) -> Principal:
    return Principal(principal_id, "USER", f"local:{name}")


async def _make_realm(databases: Databases, name: str, exports: Exports) -> Realm:
    mark, entra_id, api = f"{name}-{uuid4().hex[:8]}", uuid4(), databases.api
    members = {role: (await access.ensure_local_principal(api, f"{role}-{mark}")).id for role in Role}
    tenant_id = await access.create_tenant(
        databases.owner, mark, entra_tenant_id=entra_id, owner_principal_id=members[Role.OWNER]
    )
    realm = Realm(Tenant(tenant_id, mark, members), mark, entra_id)
    for role in (Role.READER, Role.OPERATOR, Role.MANAGER):
        await access.set_membership(api, realm.tenant.owner, members[role], role)
    await access.create_token(api, realm.tenant.owner, principal_name=f"robot of {mark}", role=Role.READER)
    await _fill(databases, realm, exports)
    return realm


async def _fill(databases: Databases, realm: Realm, exports: Exports) -> None:
    """Findings of every kind and status, in a scope that follows its previous run and in one that is pinned."""
    api, as_ = databases.api, realm.tenant.as_
    await connect(databases, realm)
    await _record(databases, realm, exports.first)
    await _record(databases, realm, exports.second)
    await _generate(databases, realm, KEY, idempotency_key=IDEMPOTENCY_KEY)
    await _triage(databases, realm)
    await _hide(databases, realm)
    await _record(databases, realm, exports.partial)
    await _generate(databases, realm, KEY)
    await _record(databases, realm, exports.unreadable)
    pinned = await _record(databases, realm, exports.first, item_types=NAMED_TYPES)
    reason = f"pinned for {realm.mark}"
    await triage.pin_baseline(api, as_(Role.MANAGER), scope_key=PINNED_KEY, run_id=pinned, reason=reason)
    for export in (exports.second, exports.first):
        await _record(databases, realm, export, item_types=NAMED_TYPES)
        await _generate(databases, realm, PINNED_KEY)
    await _fail(databases, realm)
    await _who_changed_it(databases, realm)
    await _prune(databases, realm)
    await _schedule(databases, realm)
    running = await make_sync_run(databases.owner, realm.tenant)
    await running.becomes(RUNNING, done=3)


async def _schedule(databases: Databases, realm: Realm) -> None:
    """Two schedules, one of them for named types, and a tick of each."""
    scheduled = """insert into atlas.schedules (tenant_id, name, scope_id, every_hours, cron, time_zone, anchor,
            created_by, next_tick, due_at, last_tick)
        select s.tenant_id, case when named then 'nightly' else 'schedule of ' || :mark end, s.id,
            case when named then 6 end, case when not named then '0 0 * * *' end, 'UTC', now(), :owner, now(), now(),
            now()
        from (select *, selection ->> 'itemTypes' is not null as named from atlas.scopes where tenant_id = :tenant) s"""
    ticked = """insert into atlas.schedule_ticks (tenant_id, schedule_id, tick, sync_run_id, started_at)
        select s.tenant_id, s.id, now(),
            (select r.id from atlas.sync_runs r where r.tenant_id = s.tenant_id and r.scope_id = s.scope_id limit 1),
            now()
        from atlas.schedules s where s.tenant_id = :tenant"""
    values = {"tenant": realm.id, "mark": realm.mark, "owner": realm.tenant.members[Role.OWNER]}
    async with databases.owner.transaction(realm.tenant.owner) as connection:
        for statement in (scheduled, ticked):
            await connection.execute(text(statement), values)


async def _prune(databases: Databases, realm: Realm) -> None:
    """What the failed run held is let go of; every run has something to say, and a recorded one something staged."""
    marked = "update atlas.sync_runs set pruned_at = now() where tenant_id = :tenant and status = 'FAILED'"
    noted = "update atlas.sync_runs set notes = array['note of ' || :mark] where tenant_id = :tenant"
    staged = """insert into atlas.staged_items
            (tenant_id, run_id, item_type, external_id, hash, settings_hash, display_name, item_id)
        select r.tenant_id, r.id, 'type of ' || :mark, 'id', c.hash, c.hash, 'An object', gen_random_uuid()
        from atlas.sync_runs r
        cross join lateral (select hash from atlas.contents where tenant_id = r.tenant_id limit 1) c
        where r.tenant_id = :tenant and r.seq is not null"""
    async with databases.owner.transaction(realm.tenant.owner) as connection:
        await connection.execute(text(staged), {"tenant": realm.id, "mark": realm.mark})
        await connection.execute(text(marked), {"tenant": realm.id})
        await connection.execute(text(noted), {"tenant": realm.id, "mark": realm.mark})


async def _who_changed_it(databases: Databases, realm: Realm) -> None:
    """An event about the object of each finding, of the time of its second reading; and names of its settings."""
    events = """insert into atlas.source_events (tenant_id, id, resource_id, activity, operation, actor_kind, actor_id,
            actor_name, at, correlation_id)
        select f.tenant_id, 'event of ' || f.id, f.external_id, 'activity of ' || :mark, 'Patch', 'APPLICATION',
            'actor of ' || :mark, 'name of ' || :mark, r.finished_at, 'correlation of ' || :mark
        from atlas.findings f join atlas.sync_runs r on r.tenant_id = f.tenant_id and r.id = f.current_run_id
        where f.tenant_id = :tenant"""
    # The same settings have a name of each tenant's own.
    names = """insert into atlas.labels (tenant_id, kind, id, label)
        select :tenant, 'SETTING', 'device_vendor_msft_policy_config_example_setting' || n, 'label of ' || :mark
        from generate_series(0, 20) n"""
    async with databases.owner.transaction(realm.tenant.owner) as connection:
        await connection.execute(text(events), {"tenant": realm.id, "mark": realm.mark})
        await connection.execute(text(names), {"tenant": realm.id, "mark": realm.mark})


async def _record(databases: Databases, realm: Realm, path: Path, **named: tuple[str, ...]) -> UUID:
    return await record_folder(
        databases.api,
        databases.worker,
        realm.tenant.as_(Role.MANAGER),
        path=path,
        deployment_key=DEPLOYMENT_KEY,
        label=f"label of {realm.mark}",
        threshold=Threshold(least=1000),  # This world loses much at once, and none of it waits for anybody.
        **named,
    )


async def _generate(databases: Databases, realm: Realm, key: str, *, idempotency_key: str | None = None) -> None:
    context = realm.tenant.as_(Role.OPERATOR)
    asked = await drift.request_drift(databases.api, context, scope_key=key, idempotency_key=idempotency_key)
    for job in asked.jobs:
        lease = await jobs.claim(databases.worker, job, lease_seconds=30)
        assert lease is not None
        await generate.generate(databases.worker, lease)


async def _triage(databases: Databases, realm: Realm) -> None:
    """One finding is acknowledged, taken back and acknowledged again; the rest stays as it came."""
    context = realm.tenant.as_(Role.OPERATOR)
    async with databases.api.transaction(context, readonly=True) as connection:
        found = await connection.scalar(text("select id from atlas.findings where display_name = 'Policy 1'"))
    reason = f"agreed for {realm.mark}"
    await triage.acknowledge(databases.api, context, [found], reason=reason, expires_at=UNTIL)
    await triage.reopen(databases.api, context, found, reason=reason)
    await triage.acknowledge(databases.api, context, [found], reason=reason, expires_at=UNTIL)


async def _hide(databases: Databases, realm: Realm) -> None:
    """A rule and its next version, which hides what came under one name."""
    api, context, reason = databases.api, realm.tenant.as_(Role.MANAGER), f"noise to {realm.mark}"
    nothing = f"nothing of {realm.mark}"
    parts = Parts(item_type=nothing, path_pattern=nothing, subject_pattern=nothing, value_pattern=nothing)
    first = await rules.create(api, context, parts, reason=reason, expires_at=UNTIL)
    await rules.create(api, context, Parts(subject_pattern="Policy 5"), reason=reason, replaces=first)


async def _fail(databases: Databases, realm: Realm) -> None:
    """A drift run that a worker began and gave up."""
    context = realm.tenant.as_(Role.OPERATOR)
    async with databases.api.transaction(context, readonly=True) as connection:
        query = """select r.id from atlas.sync_runs r join atlas.scopes s on s.tenant_id = r.tenant_id
            and s.id = r.scope_id where s.key = :key and r.seq in (1, 3) order by r.seq"""
        first, third = (await connection.scalars(text(query), {"key": KEY})).all()
    asked = await drift.request_drift(
        databases.api, context, scope_key=KEY, baseline_run_id=first, current_run_id=third
    )
    lease = await jobs.claim(databases.worker, asked.jobs[0], lease_seconds=30)
    assert lease is not None
    await jobs.progress(databases.worker, lease, 3, 10)
    await jobs.fail(databases.worker, lease, code="STOPPED", message=f"Stopped for {realm.mark}.")


_CONNECTED = """
    insert into atlas.graph_connections (tenant_id, id, entra_tenant_id, client_id, cloud, credential_kind, reference,
                                         status, error_code, error_message, missing, tested_at)
    values (:tenant, :id, :entra, :id, 'GLOBAL', 'CERTIFICATE', :reference, 'FAILED', 'SIGN_IN_REFUSED', :mark,
            :missing, now())
    on conflict do nothing
"""


async def connect(databases: Databases, realm: Realm, *, connected: bool = True) -> None:
    """The realm's connection stands as in the beginning, or there is none."""
    mark = realm.mark
    missing = orjson.dumps([{"permission": f"{mark}.Read.All", "itemTypes": [f"{mark}Type"], "beside": [f"of {mark}"]}])
    given = {
        "tenant": realm.id,
        "id": uuid5(realm.id, "connection"),
        "entra": realm.entra_id,
        "reference": f"file:/secrets/{mark}",
        "mark": f"Refused for {mark}.",
        "missing": missing.decode(),
    }
    keep = " and id <> :id" if connected else ""
    async with databases.owner.transaction() as connection:
        await connection.execute(text(f"delete from atlas.graph_connections where tenant_id = :tenant{keep}"), given)
        if connected:
            await connection.execute(text(_CONNECTED), given)


async def tenant_tables(owner: Database) -> list[str]:
    """Every table that holds rows of tenants, from the catalogue, and the tenants themselves."""
    query = """select c.relname from pg_class c where c.relnamespace = 'atlas'::regnamespace and c.relkind in ('r', 'p')
        and (c.relname = 'tenants' or exists (select from pg_attribute a
             where a.attrelid = c.oid and a.attname = 'tenant_id')) order by 1"""
    async with owner.transaction() as connection:
        return list((await connection.scalars(text(query))).all())


async def _atoms_of(owner: Database, tenant_id: UUID) -> frozenset[str]:
    found: set[str] = set()
    tables = await tenant_tables(owner)
    async with owner.transaction(Context()) as connection:
        for table in tables:
            column = "id" if table == "tenants" else "tenant_id"
            query = text(f"select to_jsonb(t) from atlas.{table} t where t.{column} = :tenant")
            for row in await connection.scalars(query, {"tenant": tenant_id}):
                found |= atoms(inflated(row))
    return frozenset(found)


async def _capabilities(owner: Database) -> dict[Role, frozenset[str]]:
    async with owner.transaction() as connection:
        rows = (await connection.execute(text("select role, capability from atlas.role_capabilities"))).all()
    return {role: frozenset(capability for of, capability in rows if of == role) for role in Role}
