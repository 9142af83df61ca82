"""The floor of the GraphQL benchmark: the least that an endpoint of the same answer does, written by hand for it alone.

Starlette, asyncpg and orjson: one transaction under the same policies, one statement with its joins, no GraphQL.
"""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PAGE = """
select f.id::text as id, f.kind, f.fingerprint, f.change_type, f.severity, f.severity_reasons, f.status, f.is_current,
       f.change_count, f.first_seen_at, f.last_seen_at, f.version,
       s.key as scope_key, s.label as scope_label,
       r.seq as run_seq, r.status as run_status, r.finished_at as run_finished
from atlas.findings f
join atlas.scopes s on s.tenant_id = $1 and s.id = f.scope_id
join atlas.sync_runs r on r.tenant_id = $1 and r.id = f.current_run_id
where f.tenant_id = $1 and (f.suppressed_by is null or f.suppressed_until <= now())
order by f.last_seen_at desc, f.id desc limit 51
"""


def app(url: str, tenant_id: UUID, principal_id: UUID, *, signing_in: bool) -> Starlette:
    """`signing_in` also looks the token up, in the same transaction, as whoever serves people must."""
    pools: list[asyncpg.Pool] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async def kept(_connection: Any) -> None:
            """What the transaction set ended with it, so nothing is to be reset."""

        async with asyncpg.create_pool(url, min_size=4, max_size=10, reset=kept) as pool:
            pools.append(pool)
            yield

    async def answer(request: Request) -> Response:
        orjson.loads(await request.body())
        # The database notes that a token was used.
        begin = "begin" if signing_in else "begin read only"
        context = f"""{begin}; select set_config('atlas.tenant_id', '{tenant_id}', true),
            set_config('atlas.principal_id', '{principal_id}', true)"""
        async with pools[0].acquire() as connection:
            await connection.execute(context)
            try:
                if signing_in:
                    token = request.headers["authorization"].removeprefix("Bearer ")
                    digest = hashlib.sha256(token.encode()).digest()
                    if not await connection.fetchval("select principal_id from atlas.authenticate($1)", digest):
                        return Response(status_code=401)
                rows = await connection.fetch(PAGE, tenant_id)
            finally:
                await connection.execute("commit")
        nodes = [node(row, tenant_id.hex) for row in rows[:50]]
        body = orjson.dumps({"data": {"tenant": {"findings": {"nodes": nodes}}}})
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/graphql", answer, methods=["POST"])], lifespan=lifespan)


def node(row: asyncpg.Record, tenant: str) -> dict[str, Any]:
    plain = f"Finding:{tenant}:{row['id'].replace('-', '')}"
    return {
        "id": base64.urlsafe_b64encode(plain.encode()).rstrip(b"=").decode(),
        "kind": row["kind"],
        "fingerprint": row["fingerprint"],
        "changeType": row["change_type"],
        "severity": row["severity"],
        "severityReasons": row["severity_reasons"],
        "status": row["status"],
        "isCurrent": row["is_current"],
        "changeCount": row["change_count"],
        "firstSeenAt": _time(row["first_seen_at"]),
        "lastSeenAt": _time(row["last_seen_at"]),
        "version": row["version"],
        "scope": {"key": row["scope_key"], "label": row["scope_label"]},
        "currentRun": {
            "sequence": row["run_seq"],
            "status": row["run_status"],
            "finishedAt": _time(row["run_finished"]),
        },
    }


def _time(value: Any) -> str:
    return f"{value.isoformat(timespec='microseconds')[:26]}Z"
