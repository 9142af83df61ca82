"""Findings as a stream over HTTP: whole, as the caller may see them, and not on after the caller may not."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import orjson
import pytest
import pytest_asyncio

from atlas import access
from atlas.budget import Rates, open_budget
from atlas.local import Services
from atlas.metrics import Metrics
from atlas.schema import asking, export
from atlas.schema.ids import encode_id
from atlas.store.database import Database
from tests.clients import client_of
from tests.factories import Tenant, make_policy, make_tenant, write_export
from tests.http.conftest import Caller, Server, make_caller, serving
from tests.test_drift import generated, record

NUMBER = 7


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def changed(owner: Database, api: Database, worker: Database, tmp_path_factory: pytest.TempPathFactory) -> Tenant:
    """A tenant of which each policy was changed once."""
    tenant, folder = await make_tenant(owner, api), tmp_path_factory.mktemp("exports")
    for value in (1, 2):
        export = write_export(folder / str(value), *(make_policy(number, value=value) for number in range(NUMBER)))
        await record(api, worker, tenant, export)
    await generated(api, worker, tenant)
    return tenant


@pytest_asyncio.fixture(loop_scope="session")
async def reader(owner: Database, api: Database, changed: Tenant) -> Caller:
    return await make_caller(owner, api, tenant=changed)


async def asked(server: Server, caller: Caller | None, form: str = "jsonl", **parameters: object) -> httpx.Response:
    headers = caller.headers if caller else {}
    async with client_of(server.url, headers=headers) as client:
        return await client.get(f"/export/findings.{form}", params=parameters)


async def test_each_form_holds_every_finding(server: Server, reader: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PAGE", 3)
    lines = await asked(server, reader, tenant=reader.tenant_id)
    found = [orjson.loads(line) for line in lines.content.splitlines()]
    assert (lines.status_code, len(found)) == (200, NUMBER)
    assert all(len(one["changes"]) == one["changeCount"] == 1 for one in found)
    table = await asked(server, reader, "csv", tenant=str(reader.tenant.id))
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [row["fingerprint"] for row in rows] == [one["fingerprint"] for one in found]
    assert table.headers["content-disposition"] == 'attachment; filename="findings.csv"'
    log = await asked(server, reader, "sarif", tenant=reader.tenant_id)
    assert log.headers["content-type"].startswith("application/sarif+json")
    assert len(log.json()["runs"][0]["results"]) == NUMBER


async def test_a_filter_leaves_out_the_others(server: Server, reader: Caller) -> None:
    assert (await asked(server, reader, tenant=reader.tenant_id, status="resolved")).content == b""
    both = await asked(server, reader, tenant=reader.tenant_id, status=["NEW", "RESOLVED"])
    assert len(both.content.splitlines()) == NUMBER


async def test_a_foreign_tenant_and_an_absent_one_look_the_same(
    server: Server, owner: Database, api: Database, changed: Tenant
) -> None:
    stranger = await make_caller(owner, api)
    absent = uuid4()
    answers = [await asked(server, stranger, tenant=encode_id("Tenant", one, one)) for one in (changed.id, absent)]
    assert {(one.status_code, one.content) for one in answers} == {(404, answers[0].content)}
    assert orjson.loads(answers[0].content)["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "parameters", [{}, {"tenant": "\x00"}, {"tenant": "x", "status": "OPEN"}, {"tenant": "x", "statsu": "NEW"}]
)
async def test_what_cannot_be_meant_is_refused(server: Server, reader: Caller, parameters: dict[str, str]) -> None:
    answer = await asked(server, reader, **parameters)
    assert answer.status_code in {400, 404}
    assert answer.json()["errors"][0]["message"]


async def test_nobody_exports_without_a_token(server: Server, reader: Caller) -> None:
    assert (await asked(server, None, tenant=reader.tenant_id)).status_code == 401
    assert (await asked(server, replace(reader, token="atlas_x"), tenant=reader.tenant_id)).status_code == 401


async def test_an_export_breaks_off_when_the_token_is_revoked(
    server: Server, api: Database, reader: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no reader takes what came for the whole: the last chunk is missing."""
    monkeypatch.setattr(asking, "PAGE", 1)
    lines = export._lines

    async def revoked(*given: object) -> AsyncIterator[bytes]:
        async for line in lines(*given):
            yield line
            await access.revoke_token(api, reader.tenant.owner, reader.token_id)

    monkeypatch.setattr(export, "_lines", revoked)
    with pytest.raises(httpx.RemoteProtocolError):
        await asked(server, reader, tenant=reader.tenant_id)


async def test_a_budget_that_is_used_up_slows_an_export_and_refuses_one_that_begins(
    cluster: Services, api: Database, reader: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PAGE", 1)
    budget = open_budget(cluster.broker_url, Rates(0, 6_000, 0, 0), Metrics())
    try:
        async with serving(api, budget=budget) as server:
            left = await budget.charge(reader.principal_id, [], 1)
            assert left is not None
            await budget.charge(reader.principal_id, [], left.remaining - 60)
            slowed = await asked(server, reader, tenant=reader.tenant_id)
            assert len(slowed.content.splitlines()) == NUMBER
            left = await budget.charge(reader.principal_id, [], 1)
            assert left is not None
            await budget.charge(reader.principal_id, [], left.remaining)
            refused = await asked(server, reader, tenant=reader.tenant_id)
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) >= 1
    finally:
        await budget.close()


async def test_an_export_is_only_read(server: Server, reader: Caller, tmp_path: Path) -> None:
    async with client_of(server.url, headers=reader.headers) as client:
        assert (await client.post("/export/findings.csv")).status_code == 405
        assert (await client.get("/export/findings.xlsx")).status_code == 404
