"""Every mutation once, with every field of its answer; and every subscription."""

import asyncio
import json
from typing import Any
from uuid import uuid4

from atlas.schema.ids import decode_activity_cursor, encode_activity_cursor
from tests.secrets.asking import SCHEMA, Asker, Known, selection


async def mutate(asker: Asker, known: Known, tenant_id: str, findings: list[str], member_id: str) -> None:
    """Everything that may be written: what is not possible in this house is answered with a `UserError`."""
    of_tenant = {"tenantId": tenant_id}
    of_scope = of_tenant | {"scopeKey": known.scope_key}
    reason = {"reason": "Planned change 4711"}
    first, *others = findings
    for name, given in (
        ("acknowledgeFinding", {"id": first, "expiresAt": "2099-01-01T00:00:00Z"} | reason),
        ("acknowledgeFindings", {"ids": others} | reason),
        ("reopenFinding", {"id": first} | reason),
        ("pinBaseline", of_scope | {"runId": known.run_id} | reason),
        ("unpinBaseline", of_scope | reason),
        ("generateDrift", of_scope | {"idempotencyKey": "once"}),
        ("startSync", of_tenant),
        ("cancelSync", {"id": known.run_id}),
        ("confirmSyncRun", {"id": known.run_id} | reason),
        ("setSchedule", of_tenant | {"everyHours": 6}),
        ("removeSchedule", of_tenant),
        ("setMembership", of_tenant | {"principalId": member_id, "role": "OPERATOR"}),
        ("removeMembership", of_tenant | {"principalId": member_id}),
    ):
        await mutation(asker, known, name, given)
    made = await mutation(asker, known, "createRule", of_tenant | {"rule": {"itemType": "nothing"}} | reason)
    await mutation(asker, known, "endRule", {"id": made["rule"]["id"]} | reason)


async def connect(asker: Asker, tenant_id: str, secret: str) -> str:
    """Connects the tenant to Microsoft Graph with a secret that its own answer may not repeat; the application's id."""
    given = {"tenantId": tenant_id, "entraTenantId": str(uuid4()), "clientId": str(uuid4()), "secret": secret}
    made = await mutation(asker, Known("", ""), "connectGraph", given)
    return str(made["application"]["id"])


async def mutation(asker: Asker, known: Known, name: str, given: dict[str, Any]) -> dict[str, Any]:
    payload = SCHEMA.mutation_type.fields[name].type.of_type
    kind = f"{name[0].upper()}{name[1:]}Input"
    query = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {selection(payload, known, 5)} }} }}"
    return (await asker.ask(name, query, input=given))[name]


async def subscribe(asker: Asker, known: Known, tenant_id: str, drift_run_id: str) -> None:
    """Event streams: two runs that have ended, and the whole activity of the tenant."""
    cursor = "query ($id: ID!) { tenant(by: {id: $id}) { activityCursor } }"
    newest = decode_activity_cursor((await asker.ask("the cursor", cursor, id=tenant_id))["tenant"]["activityCursor"])
    beginning = json.dumps(encode_activity_cursor(0))
    for name, argument, wanted in (
        ("driftRun", f"id: {json.dumps(drift_run_id)}", 1),
        ("syncRun", f"id: {json.dumps(known.run_id)}", 1),
        ("activity", f"tenantId: {json.dumps(tenant_id)}, after: {beginning}", newest),
    ):
        target = SCHEMA.subscription_type.fields[name].type.of_type
        query = f"subscription {{ {name}({argument}) {{ {selection(target, known, 5)} }} }}"
        asker.queries.append(query)
        told = await stream(asker, name, query, events=wanted)
        assert told.count(b"event: next") >= wanted, told
        assert b'"errors"' not in told


async def stream(
    asker: Asker, name: str, query: str, *, events: int = 1, said: tuple[str, ...] = (), **variables: Any
) -> bytes:
    """What an event stream tells until it has told so many events or has ended."""
    told = b""
    body = {"query": query, "variables": variables}
    async with (
        asyncio.timeout(60),
        asker.client.stream("POST", "/graphql", json=body, headers={"accept": "text/event-stream"}) as response,
    ):
        async for chunk in response.aiter_bytes():
            told += chunk
            if told.count(b"event: next") >= events:
                break
        asker.keep(f"stream of {name}", response, told, said)
    return told
