"""`python -m bench pages`: a page deep in a list, of a large tenant, and among many tenants, beside the plainest page.

Whatever a list holds and whoever else is there, a page must cost what its rows cost.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import make_url, text

from atlas import access
from atlas.domain.vocabulary import Role
from atlas.local import Services, services
from atlas.schema.ids import encode_id
from atlas.schema.pagination import encode_cursor
from atlas.store.bootstrap import bootstrap, connect
from atlas.store.database import Database, open_database
from atlas.store.findings import ORDERS
from atlas.store.migrations import upgrade
from atlas.store.tables import findings
from bench.graphql import first_line, settle, start
from bench.load import Figures, ask, load, request
from tests.factories import Tenant, make_tenant
from tests.schema.rows import Scope, make_findings, make_scope

PAGE, ORDER = 50, ORDERS["LAST_SEEN_AT_DESC"]
FEW, SOME = 10, 1_000
MOST = 1.2
DOCUMENT = """query Page($id: ID!, $first: Int!, $after: String) {
  tenant(by: {id: $id}) {
    findings(first: $first, after: $after) {
      nodes { id kind fingerprint changeType severity status lastSeenAt scope { key } currentRun { sequence } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""

# What is compared, and with what.
BESIDE = {
    "page 10,000 of the large tenant": "its page 1",
    "10 rows of the large tenant": "10 rows of a tenant that has no more",
    "a tenant among many": "a tenant that is alone",
}


@dataclass(slots=True)
class Case:
    """One request, and how long its answers took."""

    port: int
    sent: bytes
    rounds: list[Figures] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Of the best round, in milliseconds."""
        return min(one.percentile(0.5) for one in self.rounds) * 1_000


@dataclass(frozen=True, slots=True)
class House:
    """A database of tenants. `tokens` are by the tenant's name."""

    url: str
    tenants: Mapping[str, Tenant]
    tokens: Mapping[str, str]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--findings", type=int, default=1_000_000, help="findings of the large tenant")
    parser.add_argument("--tenants", type=int, default=1_000, help="tenants beside each other")
    parser.add_argument("--requests", type=int, default=200, help="requests a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, in turn; the best of them counts")
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")


def run(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder, services(Path(folder) / "home") as running:
        found = asyncio.run(measured(running, given.findings, given.tenants, given.requests, given.rounds))
    shown = figures(found)
    if given.json:
        print(json.dumps(shown))
        return
    print(f"{'':<36}{'p50 ms':>9}   {'beside':<40}{'p50 ms':>9}{'ratio':>8}")
    for name, one in shown.items():
        print(f"{name:<36}{one['p50']:>9.2f}   {BESIDE[name]:<40}{one['beside']:>9.2f}{one['ratio']:>8.2f}")
    if any(one["ratio"] > MOST for one in shown.values()):
        raise SystemExit(f"A page costs more than {MOST} of the page beside it.")


def figures(found: Mapping[str, Case]) -> dict[str, dict[str, float]]:
    """Medians in milliseconds, and how many times the one is the other."""
    return {
        name: {
            "p50": found[name].median,
            "beside": found[beside].median,
            "ratio": found[name].median / found[beside].median,
        }
        for name, beside in BESIDE.items()
    }


async def measured(running: Services, count: int, tenants: int, requests: int, rounds: int) -> dict[str, Case]:
    """All cases in turn, so that what disturbs disturbs all."""
    many = await house(running, "many", {"large": count, "small": FEW, "some": SOME}, beside=tenants - 3)
    alone = await house(running, "alone", {"some": SOME}, beside=0)
    deep = await cursor(running, "many", many.tenants["large"], min(PAGE * 9_999, count - PAGE))
    async with serving(many.url, running) as many_port, serving(alone.url, running) as alone_port:
        cases = {
            "page 10,000 of the large tenant": case(many_port, many, "large", after=deep),
            "its page 1": case(many_port, many, "large"),
            "10 rows of the large tenant": case(many_port, many, "large", first=FEW),
            "10 rows of a tenant that has no more": case(many_port, many, "small", first=FEW),
            "a tenant among many": case(many_port, many, "some"),
            "a tenant that is alone": case(alone_port, alone, "some"),
        }
        for name, one in cases.items():
            nodes = json.loads(await ask(one.port, one.sent))["data"]["tenant"]["findings"]["nodes"]
            if len(nodes) != (FEW if "10 rows" in name else PAGE):
                raise RuntimeError(f"{name} is not what is to be read")
        for number in range(rounds + 1):
            for one in cases.values():
                done = await load(one.port, one.sent, requests=requests, clients=1)
                if number or not rounds:  # The first round is to warm up.
                    one.rounds.append(done)
        return cases


def case(port: int, of: House, name: str, *, first: int = PAGE, after: str | None = None) -> Case:
    tenant = of.tenants[name]
    variables = {"id": encode_id("Tenant", tenant.id, tenant.id), "first": first, "after": after}
    return Case(port, request(port, json.dumps({"query": DOCUMENT, "variables": variables}).encode(), of.tokens[name]))


async def house(running: Services, name: str, counts: Mapping[str, int], *, beside: int) -> House:
    """A database with tenants of so many findings, and others beside them, each with a hundred."""
    await bootstrap(running.superuser_database_url, database=name)
    await upgrade(of_database(running.owner_database_url, name))
    owner = open_database(of_database(running.owner_database_url, name))
    api = open_database(of_database(running.database_url, name))
    try:
        made, tokens = {}, {}
        for known, count in counts.items():
            made[known] = await filled(running, name, owner, api, count)
            token = await access.create_token(api, made[known].owner, principal_name="bench", role=Role.READER)
            tokens[known] = token.token
        for _ in range(beside):
            await filled(running, name, owner, api, 100)
        await settle(owner)
        return House(of_database(running.database_url, name), made, tokens)
    finally:
        await owner.close()
        await api.close()


async def filled(running: Services, name: str, owner: Database, api: Database, count: int) -> Tenant:
    """A tenant of one scope with so many findings, each seen a second after the other."""
    tenant = await make_tenant(owner, api)
    scope = await make_scope(owner, tenant)
    await make_findings(owner, scope, [{}])
    await copied(of_database(running.superuser_database_url, name), scope, count - 1)
    return tenant


async def copied(superuser_url: str, scope: Scope, count: int) -> None:
    """Copies of the scope's one finding; its triggers would write a word of each, which nobody here reads."""
    own = {
        "id": "gen_random_uuid()",
        "item_id": "gen_random_uuid()",
        "fingerprint": "'f1:' || md5(n::text)",
        "external_id": "md5(n::text)",
        "last_seen_at": "f.last_seen_at + n * interval '1 second'",
    }
    names = [column.name for column in findings.c if column.computed is None]
    values = ", ".join(own.get(name, f"f.{name}") for name in names)
    connection = await connect(superuser_url)
    try:
        await connection.execute("set session_replication_role = replica")
        await connection.execute(
            f"""insert into atlas.findings ({", ".join(names)}) select {values}
                from atlas.findings f, generate_series(1, $1::integer) n where f.scope_id = $2""",
            count,
            scope.id,
            timeout=3_600,
        )
    finally:
        await connection.close()


async def cursor(running: Services, name: str, tenant: Tenant, position: int) -> str:
    """The cursor of the row at a position, which a client gets with the page before."""
    owner = open_database(of_database(running.owner_database_url, name), size=1)
    try:
        async with owner.transaction() as connection:
            statement = """select last_seen_at, id from atlas.findings where tenant_id = :tenant
                           order by last_seen_at desc, id desc offset :position - 1 limit 1"""
            row = (await connection.execute(text(statement), {"tenant": tenant.id, "position": position})).one()
            return encode_cursor(ORDER, row)
    finally:
        await owner.close()


def of_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@asynccontextmanager
async def serving(database_url: str, running: Services) -> AsyncIterator[int]:
    """The port of an API process of this database."""
    process = start("atlas, any document", database_url, running.broker_url)
    try:
        yield int(await asyncio.to_thread(first_line, process))
    finally:
        process.terminate()
        process.communicate(timeout=10)
