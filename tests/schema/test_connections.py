"""Connections to Microsoft Graph over GraphQL: who makes and sees them, and that no secret comes back, even wrong."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from atlas.connections import MOST_CONNECTIONS
from atlas.domain.vocabulary import Role
from atlas.jobs import Job
from atlas.schema.ids import decode_id
from atlas.sealing import PUBLIC_VERSION, Binding, Purpose, sealing_key, unseal
from atlas.store.database import Database
from tests.factories import DEPLOYMENT_KEY, Tenant, make_tenant
from tests.pruning import rows
from tests.schema.asking import Asker

SECRET = "cl1ent~s3cret-of-an-application"
CONNECT = """mutation($i: ConnectGraphInput!) { answer: connectGraph(input: $i) { errors { code message path }
    application { id entraTenantId clientId cloud credentialKind reference testedAt status error { code }
        missingPermissions { permission } tenant { id } } } }"""
REMOVE = (
    "mutation($i: RemoveGraphConnectionInput!) { answer: removeGraphConnection(input: $i) { removed errors { code } } }"
)
LIST = "{ graphConnections { id status error { code message } missingPermissions { permission itemTypes beside } } }"


@pytest.fixture
def ask(ask: Asker) -> Asker:
    ask.sealing_key = sealing_key(DEPLOYMENT_KEY)
    return ask


async def connected(ask: Asker, **given: Any) -> dict[str, Any]:
    wanted = {"tenantId": ask.id, "entraTenantId": str(uuid4()), "clientId": str(uuid4()), "secret": SECRET}
    answer: dict[str, Any] = (await ask(CONNECT, i=wanted | given))["answer"]
    assert SECRET not in str(answer)
    return answer


def key_of(answer: dict[str, Any]) -> UUID:
    decoded = decode_id(answer["application"]["id"], "GraphApplication")
    assert decoded is not None
    return decoded.key


async def test_a_connection_is_made_for_the_worker_to_try_and_its_secret_is_sealed(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    directory, client = str(uuid4()), str(uuid4())
    made = await connected(ask, entraTenantId=directory, clientId=client, cloud="CHINA", secret=f"{SECRET}\n")
    assert made["errors"] == []
    told = made["application"]
    assert (told["entraTenantId"], told["clientId"], told["cloud"]) == (directory, client, "CHINA")
    assert (told["credentialKind"], told["reference"], told["testedAt"]) == ("CLIENT_SECRET", None, None)
    assert (told["status"], told["error"], told["missingPermissions"]) == ("QUEUED", None, None)
    assert told["tenant"]["id"] == ask.id
    assert ask.sent == [Job("trial", tenant.id, key_of(made))]
    (row,) = await rows(owner, "select sealed from atlas.graph_connections where tenant_id = :t", t=tenant.id)
    sealed = bytes(row.sealed)
    assert sealed.startswith(PUBLIC_VERSION)
    assert SECRET.encode() not in sealed
    assert (
        unseal([DEPLOYMENT_KEY], sealed, Binding(tenant.id, Purpose.GRAPH_CREDENTIAL, key_of(made))) == SECRET.encode()
    )


async def test_the_same_directory_is_connected_once_and_removed_for_good(ask: Asker) -> None:
    directory = str(uuid4())
    made = await connected(ask, entraTenantId=directory)
    again = await connected(ask, entraTenantId=directory)
    assert [(error["code"], error["path"]) for error in again["errors"]] == [("CONFLICT", ["input", "entraTenantId"])]
    assert len(ask.sent) == 1
    given = {"id": made["application"]["id"]}
    assert (await ask(REMOVE, i=given))["answer"] == {"removed": True, "errors": []}
    assert (await ask(REMOVE, i=given))["answer"] == {"removed": False, "errors": []}
    assert (await ask.in_tenant(LIST))["graphConnections"] == []
    assert (await connected(ask, entraTenantId=directory))["errors"] == []


async def test_an_owner_connects_a_manager_sees_it_and_others_do_not(
    owner: Database, api: Database, tenant: Tenant, ask: Asker
) -> None:
    made = await connected(ask)
    listed = [{"id": made["application"]["id"], "status": "QUEUED", "error": None, "missingPermissions": None}]
    manager, operator = Asker(api, tenant, Role.MANAGER), Asker(api, tenant, Role.OPERATOR)
    node = "query($id: ID!) { node(id: $id) { __typename } }"
    assert (await manager.in_tenant(LIST))["graphConnections"] == listed
    assert (await manager(node, id=made["application"]["id"]))["node"] == {"__typename": "GraphApplication"}
    assert (await operator.in_tenant(LIST))["graphConnections"] is None
    assert (await operator(node, id=made["application"]["id"]))["node"] is None
    for asker in (manager, operator):
        asker.sealing_key = ask.sealing_key
        assert (await connected(asker))["errors"][0]["code"] == "FORBIDDEN"
        assert (await asker(REMOVE, i={"id": made["application"]["id"]}))["answer"]["errors"] == [{"code": "FORBIDDEN"}]
    stranger = Asker(api, await make_tenant(owner, api))
    stranger.sealing_key = ask.sealing_key
    assert (await connected(stranger, tenantId=ask.id))["errors"][0]["code"] == "NOT_FOUND"


async def test_an_api_that_has_nothing_to_seal_with_takes_no_secret(
    owner: Database, tenant: Tenant, ask: Asker
) -> None:
    ask.sealing_key = None
    (error,) = (await connected(ask))["errors"]
    assert error["code"] == "CONFLICT"
    assert "ATLAS_SEALING_KEY" in error["message"]
    assert await rows(owner, "select id from atlas.graph_connections where tenant_id = :t", t=tenant.id) == []
    assert ask.sent == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"secret": ""}, "secret"),
        ({"secret": "\r\n"}, "secret"),
        ({"secret": f"{SECRET}\0"}, "secret"),
        ({"secret": SECRET * 1_000}, "secret"),
        ({"credentialKind": "MANAGED_IDENTITY"}, "credentialKind"),
        ({"credentialKind": "WORKLOAD_IDENTITY"}, "credentialKind"),
    ],
)
async def test_what_is_no_credential_to_store_is_told_by_its_field(
    ask: Asker, given: dict[str, str], field: str
) -> None:
    (error,) = (await connected(ask, **given))["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["input", field])


async def test_a_tenant_has_a_number_of_connections_at_most(ask: Asker) -> None:
    for _ in range(MOST_CONNECTIONS):
        assert (await connected(ask))["errors"] == []
    assert (await connected(ask))["errors"][0]["code"] == "CONFLICT"


async def test_what_came_of_the_trial_is_told(owner: Database, tenant: Tenant, ask: Asker) -> None:
    made = await connected(ask)
    change = "update atlas.graph_connections set {} where tenant_id = :t returning id"
    failed = "status = 'FAILED', error_code = 'SIGN_IN_REFUSED', error_message = 'The client secret is wrong.'"
    await rows(owner, change.format(failed), t=tenant.id)
    (told,) = (await ask.in_tenant(LIST))["graphConnections"]
    assert told["error"] == {"code": "SIGN_IN_REFUSED", "message": "The client secret is wrong."}
    lack = {"permission": "Group.Read.All", "itemTypes": [], "beside": ["names of groups"]}
    async with owner.transaction() as connection:
        good = "status = 'SUCCEEDED', error_code = null, missing = cast(:missing as jsonb)"
        values = {
            "t": tenant.id,
            "missing": '[{"permission": "Group.Read.All", "itemTypes": [], "beside": ["names of groups"]}]',
        }
        await connection.execute(text(change.format(good)), values)
    (told,) = (await ask.in_tenant(LIST))["graphConnections"]
    assert told == {
        "id": made["application"]["id"],
        "status": "SUCCEEDED",
        "error": None,
        "missingPermissions": [lack],
    }


async def test_the_record_of_a_connection_leads_to_it(ask: Asker) -> None:
    made = await connected(ask)
    events = """query($t: ID!, $id: ID!) { tenant(by: {id: $t}) { auditEvents(first: 5, filter: {targetId: $id}) {
        nodes { action targetId after target { id __typename } } } } }"""
    found = (await ask(events, t=ask.id, id=made["application"]["id"]))["tenant"]["auditEvents"]["nodes"]
    assert [(one["action"], one["target"]["id"]) for one in found] == [
        ("graphConnection.created", made["application"]["id"])
    ]
    assert SECRET not in str(found)


_WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "a field is missing": (CONNECT, {"i": {"secret": SECRET}}),
    "a field is none": (CONNECT, {"i": {"secret": SECRET, "password": SECRET}}),
    "a value is no text": (CONNECT, {"i": {"secret": [SECRET]}}),
    "an id is none": (CONNECT, {"i": {"clientId": SECRET}}),
    "an enum is none": (CONNECT, {"i": {"cloud": SECRET}}),
    "it is a variable of another type": (
        CONNECT.replace("$i: ConnectGraphInput!", "$s: Int!").replace("input: $i", "input: {secret: $s}"),
        {"s": SECRET},
    ),
    "it is a literal where none belongs": (
        f'mutation {{ connectGraph(input: {{cloud: "{SECRET}"}}) {{ __typename }} }}',
        {},
    ),
    "it is a literal in a list": (f'mutation {{ connectGraph(input: ["{SECRET}"]) {{ __typename }} }}', {}),
    "it is a list as a literal": (f'mutation {{ connectGraph(input: {{secret: ["{SECRET}"]}}) {{ __typename }} }}', {}),
    "the document does not parse": (f'mutation {{ connectGraph(input: {{secret "{SECRET}"}}) {{ __typename }} }}', {}),
}


@pytest.mark.parametrize("name", _WRONG)
async def test_an_error_about_a_request_does_not_repeat_the_secret(ask: Asker, name: str) -> None:
    query, variables = _WRONG[name]
    data, errors = await ask.execute(query, **variables)
    assert data is None
    assert errors
    for error in errors:
        assert SECRET not in str(error.formatted)
        assert error.extensions is not None
        assert error.extensions["code"] in {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"}


async def test_an_error_about_a_name_is_told_as_ever(ask: Asker) -> None:
    _, errors = await ask.execute("mutation { connectGraph(nothing: 1) { __typename } }")
    assert any("nothing" in error.message for error in errors)
