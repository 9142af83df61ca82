"""Drift end to end below GraphQL: folders are recorded, pairs are asked for, the worker's use case generates."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from atlas import drift, generate, jobs
from atlas.domain.selection import Selection, scope_key
from atlas.domain.vocabulary import Role, SyncSource
from atlas.record import record_folder
from atlas.store.database import Database
from atlas.store.tables import drift_runs, findings
from tests.factories import DEPLOYMENT_KEY, Tenant, make_tenant

KEY = scope_key(Selection(SyncSource.FOLDER))
REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "openintunebaseline"


async def record(api: Database, worker: Database, tenant: Tenant, folder: Path) -> UUID:
    return await record_folder(api, worker, tenant.as_(Role.MANAGER), path=folder, deployment_key=DEPLOYMENT_KEY)


async def generated(api: Database, worker: Database, tenant: Tenant, **named: Any) -> dict[str, Any]:
    """Asks for drift and does the worker's work; the drift run as it ended."""
    asked = await drift.request_drift(api, tenant.as_(Role.OPERATOR), **({"scope_key": KEY} | named))
    for job in asked.jobs:
        lease = await jobs.claim(worker, job, lease_seconds=30)
        assert lease is not None
        await generate.generate(worker, lease)
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        columns = [c for c in drift_runs.c if c.name != "lease_token"]
        row = await connection.execute(select(*columns).where(drift_runs.c.id == asked.run_id))
        return dict(row.mappings().one())


async def findings_of(api: Database, tenant: Tenant) -> list[dict[str, Any]]:
    async with api.transaction(tenant.as_(Role.READER)) as connection:
        rows = await connection.execute(select(findings).order_by(findings.c.fingerprint))
        return [dict(row) for row in rows.mappings()]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real releases lie beside the project only where it is developed")
async def test_the_real_releases_give_the_same_where_the_newer_one_comes_in_another_encoding(
    owner: Database, api: Database, worker: Database, tmp_path: Path
) -> None:
    """Raw exports are UTF-16: encoding is no change."""
    told = []
    for encoded in (False, True):
        tenant = await make_tenant(owner, api)
        await record(api, worker, tenant, REAL / "windows-v3.4")
        for release in ("3.5", "3.6"):
            export = REAL / f"windows-v{release}"
            await record(api, worker, tenant, in_utf_16(export, tmp_path / release) if encoded else export)
            run = await generated(api, worker, tenant)
            told.append([run[name] for name in ("modified", "added", "removed", "property_changes")])
    assert told == [[5, 2, 1, 19], [11, 5, 1, 50]] * 2


def in_utf_16(export: Path, folder: Path) -> Path:
    for file in export.rglob("*.json"):
        data, copy = file.read_bytes(), folder / file.relative_to(export)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(data.decode(json.detect_encoding(data)).encode("utf-16"))
    return folder


@pytest.mark.skipif(not REAL.is_dir(), reason="the real releases lie beside the project only where it is developed")
async def test_the_real_releases_give_exactly_what_is_in_them(owner: Database, api: Database, worker: Database) -> None:
    tenant = await make_tenant(owner, api)
    await record(api, worker, tenant, REAL / "windows-v3.4")
    await record(api, worker, tenant, REAL / "windows-v3.5")
    first = await generated(api, worker, tenant)
    assert (first["modified"], first["added"], first["removed"], first["property_changes"]) == (5, 2, 1, 19)
    await record(api, worker, tenant, REAL / "windows-v3.6")
    second = await generated(api, worker, tenant)
    assert (second["modified"], second["added"], second["removed"], second["property_changes"]) == (11, 5, 1, 50)
    kinds = Counter(row["kind"] for row in await findings_of(api, tenant))
    assert kinds == {"DRIFT": 5 + 2 + 1 + 11 + 5 + 1, "DATA_QUALITY": 1}
    assert sum(bool(row["recreation_identical"]) for row in await findings_of(api, tenant)) == 2
    before = await findings_of(api, tenant)
    await record(api, worker, tenant, REAL / "windows-v3.6")
    third = await generated(api, worker, tenant)
    assert (third["modified"], third["added"], third["removed"]) == (0, 0, 0)
    assert {row["fingerprint"] for row in await findings_of(api, tenant)} == {row["fingerprint"] for row in before}
