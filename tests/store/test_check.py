"""API and worker refuse to start on what is unsafe, and `atlas db check` tells every difference."""

import pytest

from atlas.domain.errors import OperatorError
from atlas.store import check as module
from atlas.store import snapshot
from atlas.store.bootstrap import connect
from atlas.store.check import check, refuse_unsafe
from atlas.store.database import Database, open_database
from tests.store.conftest import Server


async def execute(server: Server, statement: str) -> None:
    connection = await connect(server.url("atlas_owner"))
    await connection.execute(statement)
    await connection.close()


async def refusal(url: str, role: str = "atlas_api") -> OperatorError:
    database = open_database(url, size=1)
    try:
        with pytest.raises(OperatorError) as refused:
            await refuse_unsafe(database, role)
    finally:
        await database.close()
    assert refused.value.mend
    return refused.value


async def test_a_sound_database_is_served_from(api: Database, worker: Database, sweeper: Database) -> None:
    await refuse_unsafe(api)
    await refuse_unsafe(worker, "atlas_worker")
    await refuse_unsafe(sweeper, "atlas_sweeper")


@pytest.mark.parametrize(
    ("role", "code"), [("superuser", "UNSAFE_ROLE"), ("atlas_owner", "UNSAFE_ROLE"), ("atlas_worker", "WRONG_ROLE")]
)
async def test_another_role_than_its_own_is_refused(server: Server, role: str, code: str) -> None:
    role = server.superuser if role == "superuser" else role
    error = await refusal(server.url(role))
    assert error.code == code
    assert role in error.message
    assert "atlas_api" in error.mend


async def test_a_role_is_refused_even_under_its_own_name_where_it_has_too_many_rights(server: Server) -> None:
    assert (await refusal(server.url("atlas_owner"), "atlas_owner")).code == "UNSAFE_ROLE"


async def test_an_old_server_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OLDEST_SERVER", 990000)
    error = await refusal(server.url("atlas_api"))
    assert error.code == "SERVER_TOO_OLD"
    assert "99" in error.message


async def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    error = await refusal("postgresql://atlas_api:hunter2@localhost:1/atlas")
    assert error.code == "DATABASE_UNREACHABLE"
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("drop table atlas.alembic_version", "NOT_MIGRATED"),
        ("update atlas.alembic_version set version_num = '0001'", "MIGRATIONS_OLDER"),
        ("update atlas.alembic_version set version_num = '9999'", "MIGRATIONS_NEWER"),
        ("alter table atlas.findings disable row level security", "UNSAFE_DATABASE"),
        ("grant update on atlas.findings to atlas_api", "UNSAFE_DATABASE"),
        ("alter table atlas.findings disable trigger audit_finding", "UNSAFE_DATABASE"),
    ],
)
async def test_an_unsafe_database_is_refused_and_told_by_the_check(spare: Server, statement: str, code: str) -> None:
    assert await check(spare.url("atlas_owner")) == []
    await execute(spare, statement)
    assert (await refusal(spare.url("atlas_api"))).code == code
    assert (await refusal(spare.url("atlas_worker"), "atlas_worker")).code == code
    offences = await check(spare.url("atlas_owner"))
    assert offences
    assert (offences[0].rule == "migrations") == ("MIGRAT" in code)


@pytest.mark.parametrize(
    ("statement", "rule", "told"),
    [
        ("alter table atlas.findings drop constraint findings_reason", "catalogue", "- constraint findings."),
        ("drop index atlas.findings_expiring", "catalogue", "- index findings_expiring"),
        ("alter table atlas.findings alter occurrences set default 2", "catalogue", "+ column findings.occurrences"),
        ('alter table atlas.scopes alter label type text collate "C"', "catalogue", "+ column scopes.label"),
        ("revoke select on atlas.findings from atlas_api", "catalogue", "- grant select on relation findings"),
        ("alter table atlas.findings add colour text", "model", "colour"),
        ("alter table atlas.findings alter platform set not null", "model", "platform"),
        ("create table atlas.notes (id int)", "model", "notes"),
    ],
)
async def test_the_check_tells_what_the_lint_need_not_know(spare: Server, statement: str, rule: str, told: str) -> None:
    await execute(spare, statement)
    offences = await check(spare.url("atlas_owner"))
    assert any(offence.rule.startswith(rule) and told in offence.object for offence in offences), offences


async def test_the_check_cannot_run_where_nobody_answers() -> None:
    with pytest.raises(OperatorError) as refused:
        await check("postgresql://atlas_owner:hunter2@localhost:1/atlas")
    assert refused.value.code == "DATABASE_UNREACHABLE"


def test_the_kept_catalogue_lies_beside_the_migrations_that_it_belongs_to() -> None:
    assert snapshot.kept().parent.joinpath("versions").is_dir()
    lines = snapshot.kept_lines()
    for kind in ("relation", "column", "constraint", "index", "policy", "function", "trigger", "grant"):
        assert any(line.startswith(f"{kind} ") for line in lines), kind
