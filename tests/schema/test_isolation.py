"""What is foreign looks as if it were absent, and what a role does not allow is null."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.schema.ids import encode_id
from atlas.store.database import Database
from tests.factories import Tenant, make_tenant
from tests.schema.asking import Asker
from tests.schema.rows import acknowledged, make_drift_run, make_findings, make_item, make_scope

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def ids_of(owner: Database, ask: Asker) -> dict[str, str]:
    """One id of each type of node."""
    scope = await make_scope(owner, ask.tenant)
    found = await ask("{ viewer { principal { id } memberships(first: 1) { nodes { id } } } }")
    events = await ask.in_tenant("{ auditEvents(first: 1) { nodes { id } } }")
    (finding,) = await make_findings(owner, scope, [acknowledged(ask.tenant)])
    return {
        "Tenant": ask.id,
        "Scope": ask.global_id("Scope", scope.id),
        "SyncRun": ask.global_id("SyncRun", scope.runs[0]),
        "DriftRun": ask.global_id("DriftRun", await make_drift_run(owner, scope)),
        "Finding": ask.global_id("Finding", finding),
        "InventoryItem": ask.global_id("InventoryItem", await make_item(owner, scope, [(1, 2, {})])),
        "AuditEvent": events["auditEvents"]["nodes"][0]["id"],
        "Membership": found["viewer"]["memberships"]["nodes"][0]["id"],
        "Principal": found["viewer"]["principal"]["id"],
    }


async def test_every_node_is_found_by_its_id(owner: Database, ask: Asker) -> None:
    ids = await ids_of(owner, ask)
    for type_name, id_ in ids.items():
        assert (await ask(NODE, id=id_))["node"] == {"__typename": type_name, "id": id_}
    mixed = [*ids.values(), "garbage", *ids.values(), encode_id("Finding", ask.tenant.id, uuid4())]
    found = (await ask(NODES, ids=mixed))["nodes"]
    assert [one and one["id"] for one in found] == [*ids.values(), None, *ids.values(), None]


async def test_a_stranger_finds_nothing_by_any_id(owner: Database, api: Database, ask: Asker) -> None:
    ids = await ids_of(owner, ask)
    stranger = Asker(api, await make_tenant(owner, api))
    for id_ in ids.values():
        assert (await stranger(NODE, id=id_))["node"] is None
    assert set((await stranger(NODES, ids=list(ids.values())))["nodes"]) == {None}
    found = await stranger(
        """query($id: ID!, $name: String!) { byId: tenant(by: {id: $id}) { id } byName: tenant(by: {name: $name}) { id }
        tenants(first: 10) { nodes { id } totalCount } }""",
        id=ask.id,
        name=ask.tenant.name,
    )
    assert found == {"byId": None, "byName": None, "tenants": {"nodes": [{"id": stranger.id}], "totalCount": 1}}


async def test_an_id_under_the_tenant_of_another_is_nothing(owner: Database, api: Database, ask: Asker) -> None:
    """Neither side reaches an object by naming its key under a tenant that it is not of."""
    stranger = Asker(api, await make_tenant(owner, api))
    scope = await make_scope(owner, ask.tenant)
    for who, tenant in ((stranger, stranger.tenant), (ask, stranger.tenant), (ask, None)):
        forged = encode_id("Scope", tenant.id if tenant else None, scope.id)
        assert (await who(NODE, id=forged))["node"] is None


@pytest.mark.parametrize("type_name", ["Tenant", "Nothing", "ApiToken", "Edge", "Query"])
async def test_an_id_of_no_node_is_nothing(ask: Asker, type_name: str) -> None:
    assert (await ask(NODE, id=ask.global_id(type_name, uuid4())))["node"] is None


@pytest.mark.parametrize("value", ["", "x", "\0", "\ud800", "=" * 10, "A" * 100_000, "Finding:1:2", 5])
async def test_a_malformed_id_is_nothing(ask: Asker, value: Any) -> None:
    assert (await ask(NODE, id=value))["node"] is None
    assert (await ask("query($id: ID!) { tenant(by: {id: $id}) { id } }", id=value))["tenant"] is None


async def test_at_most_a_hundred_nodes_at_a_time(ask: Asker) -> None:
    assert (await ask(NODES, ids=[ask.id] * 100))["nodes"][99]["id"] == ask.id
    assert await ask.code(NODES, ids=[ask.id] * 101) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("role", "audit", "members", "capabilities"),
    [
        (Role.READER, False, False, ["READ"]),
        (Role.OPERATOR, False, False, ["READ", "ACKNOWLEDGE", "GENERATE_DRIFT"]),
        (
            Role.MANAGER,
            True,
            False,
            ["READ", "ACKNOWLEDGE", "GENERATE_DRIFT", "START_SYNC", "MANAGE_BASELINE", "MANAGE_RULES", "READ_AUDIT"],
        ),
    ],
)
async def test_a_role_sees_what_its_capabilities_allow(
    owner: Database, api: Database, tenant: Tenant, role: Role, audit: bool, members: bool, capabilities: list[str]
) -> None:
    (finding,) = await make_findings(owner, await make_scope(owner, tenant), [{}])
    ask = Asker(api, tenant, role)
    found = await ask.in_tenant(
        """{ viewerRole viewerCapabilities auditEvents(first: 100) { totalCount nodes { action } }
        members(first: 1) { totalCount } findings(first: 5) { nodes { auditEvents(first: 5) { totalCount } } } }"""
    )
    assert found["viewerRole"] == role
    assert found["viewerCapabilities"] == capabilities
    assert (found["auditEvents"] is not None) is audit
    assert (found["members"] is not None) is members
    assert found["findings"]["nodes"] == [{"auditEvents": {"totalCount": 0}}]
    assert (await ask(NODE, id=ask.global_id("Finding", finding)))["node"] is not None


async def test_an_owner_sees_the_members_with_their_roles(ask: Asker) -> None:
    found = await ask.in_tenant(
        """{ viewerCapabilities members(first: 10) { totalCount
        nodes { role principal { kind displayName } tenant { name } } } }"""
    )
    assert len(found["viewerCapabilities"]) == 9
    assert {one["role"] for one in found["members"]["nodes"]} == set(Role)
    for one in found["members"]["nodes"]:
        assert one["principal"] == {"kind": "USER", "displayName": f"local:{one['role']}-{ask.tenant.name}"}
        assert one["tenant"] == {"name": ask.tenant.name}


async def test_the_audit_record_of_others_cannot_be_read_by_its_ids(
    owner: Database, api: Database, tenant: Tenant, ask: Asker
) -> None:
    events = await ask.in_tenant("{ auditEvents(first: 100) { nodes { id } } }")
    reader = Asker(api, tenant, Role.READER)
    ids = [one["id"] for one in events["auditEvents"]["nodes"]]
    assert set((await reader(NODES, ids=ids))["nodes"]) == {None}


async def test_a_principal_is_found_through_any_tenant_of_the_viewer(owner: Database, api: Database) -> None:
    mine, theirs = await make_tenant(owner, api), await make_tenant(owner, api)
    me = mine.members[Role.READER]
    someone = encode_id("Principal", None, theirs.members[Role.MANAGER])
    ask = Asker(api, mine, Role.READER)
    assert (await ask(NODE, id=someone))["node"] is None
    await access.set_membership(api, theirs.owner, me, Role.READER)
    found = await ask(NODES, ids=[someone, encode_id("Principal", None, uuid4()), encode_id("Principal", None, me)])
    assert [one and one["id"] for one in found["nodes"]] == [someone, None, encode_id("Principal", None, me)]
    forged = encode_id("Principal", theirs.id, theirs.members[Role.MANAGER])
    assert (await ask(NODE, id=forged))["node"] is None


async def test_tenants_are_found_by_each_of_their_names(owner: Database, api: Database) -> None:
    entra = uuid4()
    tenant = await make_tenant(owner, api)
    async with owner.transaction(tenant.owner) as connection:
        await connection.execute(
            text("update atlas.tenants set entra_tenant_id = :entra where id = :id"), {"entra": entra, "id": tenant.id}
        )
    ask = Asker(api, tenant, Role.READER)
    query = "query($by: TenantBy!) { tenant(by: $by) { id name entraTenantId } }"
    for by in ({"id": ask.id}, {"name": tenant.name}, {"entraTenantId": str(entra)}):
        assert (await ask(query, by=by))["tenant"] == {
            "id": ask.id,
            "name": tenant.name,
            "entraTenantId": str(entra),
        }
    for by in ({"name": tenant.name.upper()}, {"name": ""}, {"entraTenantId": str(uuid4())}):
        assert (await ask(query, by=by))["tenant"] is None
    for by in ({}, {"id": ask.id, "name": tenant.name}, {"name": None}):
        assert await ask.code(query, by=by) == "BAD_USER_INPUT"


async def test_what_happens_at_one_tenant_is_not_told_at_another(owner: Database, api: Database) -> None:
    """One request over several tenants reads each under its own context."""
    one, two = await make_tenant(owner, api), await make_tenant(owner, api)
    await access.set_membership(api, two.owner, one.members[Role.READER], Role.MANAGER)
    for tenant, names in ((one, ["a"]), (two, ["b", "c"])):
        await make_findings(owner, await make_scope(owner, tenant), [{"display_name": name} for name in names])
    found = await Asker(api, one, Role.READER)(
        """{ tenants(first: 10) { nodes { name viewerRole auditEvents(first: 1) { totalCount }
        findings(first: 9, orderBy: SUBJECT_NAME_ASC) { nodes { subject { displayName } tenant { name } } } } } }"""
    )
    told = {one["name"]: one for one in found["tenants"]["nodes"]}
    assert told[one.name]["auditEvents"] is None
    assert told[two.name]["auditEvents"] is not None
    assert [f["subject"]["displayName"] for f in told[one.name]["findings"]["nodes"]] == ["a"]
    assert [f["subject"]["displayName"] for f in told[two.name]["findings"]["nodes"]] == ["b", "c"]
    assert {f["tenant"]["name"] for f in told[two.name]["findings"]["nodes"]} == {two.name}
