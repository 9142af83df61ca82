"""Anchors: the ids and names of a tenant that a caller may send, and others of the same shape that never were."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from atlas.schema.ids import decode_id, encode_id
from atlas.store.database import Database
from tests.isolation.policy import FINDING_AUDIT
from tests.isolation.world import KEY, Realm, World

# Candidates of each kind of object, those that say most first.
_QUERIES = {
    "AuditEvent": "select id from atlas.audit_events where tenant_id = :t and target_type <> 'Finding' order by at",
    FINDING_AUDIT: "select id from atlas.audit_events where tenant_id = :t and target_type = 'Finding' order by at",
    "DriftRun": "select id from atlas.drift_runs where tenant_id = :t order by status desc, created_at desc",
    "Finding": "select id from atlas.findings where tenant_id = :t order by status, superseded_by, id",
    "GraphApplication": "select id from atlas.graph_connections where tenant_id = :t",
    "InventoryItem": """select item_id from atlas.item_intervals where tenant_id = :t and valid_to is null
        order by valid_from desc, external_id""",
    "Membership": "select id from atlas.memberships where tenant_id = :t and role = 'OWNER' order by created_at",
    "Principal": """select principal_id from atlas.memberships where tenant_id = :t and role = 'OWNER'
        order by created_at""",
    "Rule": "select id from atlas.rules where tenant_id = :t order by ended_at is not null, version desc",
    "Scope": "select id from atlas.scopes where tenant_id = :t order by pinned_seq, last_seq desc",
    "SyncRun": "select id from atlas.sync_runs where tenant_id = :t order by status = 'PARTIAL' desc, created_at",
    "Tenant": "select id from atlas.tenants where id = :t",
}
_RECORDED = """select r.id from atlas.sync_runs r join atlas.scopes s on s.tenant_id = r.tenant_id and s.id = r.scope_id
    where r.tenant_id = :t and s.key = :key and r.seq is not null order by r.seq"""
_ROBOT = "select principal_id from atlas.tenant_principals where tenant_id = :t and display_name like 'robot of %'"

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MARK = re.compile(r"(alpha|beta)-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Anchors:
    """`ids` are global ids by kind of object; `named` what else a query may name a tenant's things by."""

    ids: Mapping[str, tuple[str, ...]]
    named: Mapping[str, Any]


async def anchors_of(world: World, realm: Realm) -> Anchors:
    owner = world.databases.owner
    ids = {
        kind: tuple([encode(kind, realm.id, key) for key in await _ids(owner, query, realm.id)])
        for kind, query in _QUERIES.items()
    }
    runs = [encode("SyncRun", realm.id, run) for run in await _ids(owner, _RECORDED, realm.id, key=KEY)]
    (robot,) = await _ids(owner, _ROBOT, realm.id)
    named = {
        "tenant": ids["Tenant"][0],
        "name": realm.mark,
        "entra": str(realm.entra_id),
        "key": KEY,
        "run": runs[1],
        "runs": runs,
        "robot": encode("Principal", realm.id, robot),
    }
    return Anchors(ids, named)


async def _ids(owner: Database, query: str, tenant_id: UUID, **more: str) -> list[UUID]:
    async with owner.transaction() as connection:
        return list((await connection.scalars(text(query), {"t": tenant_id, **more})).all())


def encode(kind: str, tenant_id: UUID, key: UUID) -> str:
    """A kind is a type, or a type and what tells it apart."""
    name = kind.split(" ", maxsplit=1)[0]
    return encode_id(name, None if name == "Principal" else tenant_id, key)


def never_was(value: Any) -> Any:
    """The same with every id and every name of a tenant's own changed to nobody's, the same one always to the same.

    What both tenants hold, such as a scope's key, stays.
    """
    return _replaced(value, {})


def _replaced(value: Any, known: dict[Any, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(one, known) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(one, known) for one in value]
    if not isinstance(value, str):
        return value
    decoded = decode_id(value)
    if decoded is not None:
        tenant_id, key = (one and known.setdefault(one, uuid4()) for one in (decoded.tenant_id, decoded.key))
        return encode_id(decoded.type_name, tenant_id, key)
    if _UUID.fullmatch(value):
        return known.setdefault(value, str(uuid4()))
    return _MARK.sub(lambda mark: known.setdefault(mark[0], f"{mark[1]}-{uuid4().hex[:8]}"), value)
