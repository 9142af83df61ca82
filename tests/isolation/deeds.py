"""Deeds: each mutation with an input that its tenant's members may send, and what has to be so before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from tests.isolation.anchors import Anchors
from tests.isolation.oracle import Answer, ask
from tests.isolation.policy import MUTATIONS
from tests.isolation.world import KEY, Databases, Person, Realm, World, connect, tenant_tables

Input = Callable[[Anchors], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Deed:
    """`outcome` is what becomes of it where it is allowed: the code of its error, or nothing; `after` comes first.

    The tenant is `connected` to Microsoft Graph before, or it is not.
    """

    mutation: str
    given: Input
    payload: str
    outcome: str | None = None
    after: "Deed | None" = None
    connected: bool = True

    @property
    def text(self) -> str:
        type_ = f"{self.mutation[0].upper()}{self.mutation[1:]}Input"
        payload = f"errors {{ code message path }} {self.payload}"
        return f"mutation ($input: {type_}!) {{ {self.mutation}(input: $input) {{ {payload} }} }}"


def _scope(anchors: Anchors) -> dict[str, Any]:
    return {"tenantId": anchors.named["tenant"], "scopeKey": KEY}


def _pair(anchors: Anchors) -> dict[str, Any]:
    return {"baselineRunId": anchors.named["runs"][0], "currentRunId": anchors.named["runs"][2]}


def _robot(anchors: Anchors) -> dict[str, Any]:
    return {"tenantId": anchors.named["tenant"], "principalId": anchors.named["robot"]}


FINDING = (
    "finding { id tenant { name } acknowledgement { by { displayName } } } auditEvent { id actor { displayName } }"
)
SCOPE = "scope { id label baseline { pinnedRun { id } pinnedBy { displayName } } }"

_ACKNOWLEDGE = Deed("acknowledgeFinding", lambda of: {"id": of.ids["Finding"][0], "reason": "agreed"}, FINDING)
_PIN = Deed("pinBaseline", lambda of: _scope(of) | {"runId": of.named["runs"][0], "reason": "pinned"}, SCOPE)
_UNPIN = Deed("unpinBaseline", lambda of: _scope(of) | {"reason": "unpinned"}, SCOPE, after=_PIN)
_RULE = "rule { id reason tenant { name } owner { displayName } }"
_READER = Deed("setMembership", lambda of: _robot(of) | {"role": "READER"}, "membership { id }")

DEEDS = (
    Deed("generateDrift", lambda of: _scope(of) | _pair(of), "created driftRun { id tenant { name } }"),
    _ACKNOWLEDGE,
    Deed(
        "acknowledgeFindings",
        lambda of: {"ids": of.ids["Finding"][:2], "reason": "agreed to both"},
        "findings { id tenant { name } }",
    ),
    Deed(
        "reopenFinding",
        lambda of: {"id": of.ids["Finding"][0], "reason": "not after all"},
        FINDING,
        after=_ACKNOWLEDGE,
    ),
    _PIN,
    _UNPIN,
    Deed(
        "createRule",
        lambda of: {"tenantId": of.named["tenant"], "rule": {"itemType": "nothing"}, "reason": "noise"},
        _RULE,
    ),
    Deed("endRule", lambda of: {"id": of.ids["Rule"][0], "reason": "matters again"}, _RULE),
    Deed(
        "startSync",
        lambda of: {"tenantId": of.named["tenant"]},
        "created syncRun { id }",
    ),
    Deed(
        "setSchedule",
        lambda of: {"tenantId": of.named["tenant"], "everyHours": 6},
        "schedule { name scope { id } setBy { displayName } }",
    ),
    Deed("removeSchedule", lambda of: {"tenantId": of.named["tenant"], "name": "nightly"}, "removed"),
    Deed(
        "confirmSyncRun",
        lambda of: {"id": of.named["runs"][0], "reason": "it is really gone"},
        "syncRun { id tenant { name } }",
        outcome="CONFLICT",
    ),
    Deed(
        "cancelSync",
        lambda of: {"id": of.named["runs"][0], "reason": "the wrong day"},
        "syncRun { id tenant { name } }",
        outcome="CONFLICT",
    ),
    Deed(
        "connectGraph",
        lambda of: {
            "tenantId": of.named["tenant"],
            "entraTenantId": of.named["entra"],
            "clientId": "8f14e45f-ceea-467f-a0a6-1f2b3c4d5e6f",
            "secret": "a secret",
        },
        "application { status tenant { name } }",
        connected=False,
    ),
    Deed("removeGraphConnection", lambda of: {"id": of.ids["GraphApplication"][0]}, "removed"),
    Deed(
        "setMembership",
        lambda of: _robot(of) | {"role": "OPERATOR"},
        "membership { id role principal { displayName } }",
        after=_READER,
    ),
    Deed("removeMembership", _robot, "removed", after=_READER),
)


async def ready(world: World, realm: Realm, deed: Deed, of: Anchors) -> None:
    """What has to be so before the deed, whatever was done before."""
    await connect(world.databases, realm, connected=deed.connected)
    await _nothing_waits(world.databases, realm)
    if deed.after:
        assert codes(await do(world, world.owner_of(realm), deed.after, deed.after.given(of)), deed.after) == []


async def _nothing_waits(databases: Databases, realm: Realm) -> None:
    """No drift run that a deed asked for waits: the next one would be answered with it, and write nothing."""
    waiting = "delete from atlas.drift_runs where tenant_id = :tenant and status = 'QUEUED'"
    async with databases.owner.transaction() as connection:
        await connection.execute(text(waiting), {"tenant": realm.id})


async def do(world: World, person: Person, deed: Deed, given: Mapping[str, Any], **more: Any) -> Answer:
    return await ask(world, person, deed.text, {"input": given}, **more)


def wanted(world: World, person: Person, realm: Realm, deed: Deed) -> list[str]:
    """What the policy makes of the deed: the codes of its errors."""
    role = person.roles.get(realm.id)
    if role is None:
        return ["NOT_FOUND"]
    if MUTATIONS[deed.mutation] not in world.capabilities[role]:
        return ["FORBIDDEN"]
    return [deed.outcome] if deed.outcome else []


def codes(answer: Answer, deed: Deed) -> list[str]:
    """The codes of the payload's errors; an answer of top-level errors is none."""
    assert answer["errors"] == []
    return [error["code"] for error in answer["data"][deed.mutation]["errors"]]


async def state(world: World) -> str:
    """A digest of every row of both tenants. That a token was used is no change."""
    owner = world.databases.owner
    rows = " union all ".join(
        f"select md5((to_jsonb(t) - 'last_used_at')::text) row from atlas.{table} t"
        f" where {'id' if table == 'tenants' else 'tenant_id'} = any(:ids)"
        for table in await tenant_tables(owner)
    )
    query = text(f"select md5(string_agg(row, '' order by row)) from ({rows}) rows")
    async with owner.transaction() as connection:
        return str(await connection.scalar(query, {"ids": [realm.id for realm in world.realms]}))
