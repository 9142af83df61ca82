"""`atlas audit`: what an auditor sees of a whole record and of a broken one, and who may look."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from atlas.local import services
from atlas.store.bootstrap import connect
from tests.cli.conftest import Up

TENANT = "(select id from atlas.tenants where name = '{name}')"


@pytest.fixture
def tenant(up: Up) -> str:
    """A tenant with four records: its making, two memberships, a token."""
    name = f"audit-{uuid4().hex[:8]}"
    up.atlas.run("tenant", "create", name)
    up.atlas.run("token", "create", "--principal", "one", "--tenant", name, "--role", "READER")
    return name


def as_owner(up: Up, name: str, statement: str) -> None:
    """What somebody does who has the database."""

    async def execute(url: str) -> None:
        connection = await connect(url)
        await connection.execute(statement.format(tenant=TENANT.format(name=name)))
        await connection.close()

    with services(up.atlas.home) as running:
        asyncio.run(execute(running.owner_database_url))


def keep(up: Up, name: str, file: Path) -> dict[str, Any]:
    """Appends a checkpoint to the file."""
    ended = up.atlas.run("audit", "checkpoint", "--tenant", name)
    with file.open("a") as lines:
        lines.write(ended.stdout)
    told: dict[str, Any] = orjson.loads(ended.stdout)
    return told


def test_a_whole_record_is_told_with_its_end(up: Up, tenant: str, tmp_path: Path) -> None:
    told = up.atlas.json("audit", "verify", "--tenant", tenant)
    checkpoint = keep(up, tenant, tmp_path / "kept")
    assert told["intact"] is True
    assert told["broken"] is None
    assert (told["first"], told["checkpoints"]) == (1, 0)
    assert {key: checkpoint[key] for key in ("tenant", "seq", "hash")} == {
        key: told[key] for key in ("tenant", "seq", "hash")
    }
    assert set(checkpoint) == {"version", "tenant", "seq", "hash", "at"}
    spoken = up.atlas.run("audit", "verify", "--tenant", tenant)
    assert f"whole: {told['seq']} records hold." in spoken.stdout
    assert not spoken.stderr


def test_a_checkpoint_is_one_line_on_stdout(up: Up, tenant: str) -> None:
    ended = up.atlas.run("audit", "checkpoint", "--tenant", tenant)
    assert ended.stdout.count("\n") == 1
    assert "Keep it outside" in ended.stderr
    assert not up.atlas.run("audit", "checkpoint", "--tenant", tenant, "--json").stderr


def test_the_first_broken_link_is_named_and_the_command_fails(up: Up, tenant: str) -> None:
    as_owner(
        up,
        tenant,
        """update atlas.audit_events set reason = 'nothing to see' where (tenant_id, id) in (
               select tenant_id, event_id from atlas.audit_links where tenant_id = {tenant} and seq in (2, 4))""",
    )
    told = up.atlas.json("audit", "verify", "--tenant", tenant, exit_code=1)
    assert (told["intact"], told["seq"]) == (False, 1)
    assert (told["broken"]["fault"], told["broken"]["seq"]) == ("CHANGED", 2)
    assert told["broken"]["event"]
    spoken = up.atlas.run("audit", "verify", "--tenant", tenant, exit_code=1).stdout
    assert "Record 2 is not what was written" in spoken
    assert told["broken"]["event"] in spoken
    assert "1 record holds" in spoken


def test_a_cut_tail_is_found_with_a_checkpoint_of_a_file_of_many(up: Up, tenant: str, tmp_path: Path) -> None:
    file, other = tmp_path / "kept", f"other-{uuid4().hex[:8]}"
    up.atlas.run("tenant", "create", other)
    keep(up, other, file)
    first = keep(up, tenant, file)
    up.atlas.run("token", "create", "--principal", "four", "--tenant", tenant, "--role", "READER")
    keep(up, tenant, file)
    file.write_text(file.read_text() + "\n")
    verify = ("audit", "verify", "--tenant", tenant, "--checkpoint", file)
    assert up.atlas.json(*verify)["checkpoints"] == 2
    as_owner(
        up,
        tenant,
        f"""delete from atlas.audit_links where tenant_id = {{tenant}} and seq > {first["seq"]};
            delete from atlas.audit_events e where tenant_id = {{tenant}} and not exists (
                select from atlas.audit_links l where l.tenant_id = e.tenant_id and l.event_id = e.id);
            update atlas.audit_heads set seq = {first["seq"]}, hash = '\\x{first["hash"]}'
                where tenant_id = {{tenant}}""",
    )
    assert up.atlas.json("audit", "verify", "--tenant", tenant)["intact"] is True
    broken = up.atlas.json(*verify, exit_code=1)["broken"]
    assert (broken["fault"], broken["seq"]) == ("MISSING", first["seq"] + 1)


def test_pruned_records_are_accepted_where_it_is_said(up: Up, tenant: str, tmp_path: Path) -> None:
    kept = keep(up, tenant, tmp_path / "kept")
    up.atlas.run("token", "create", "--principal", "four", "--tenant", tenant, "--role", "READER")
    as_owner(up, tenant, f"delete from atlas.audit_links where tenant_id = {{tenant}} and seq <= {kept['seq']}")
    as_owner(
        up,
        tenant,
        """delete from atlas.audit_events e where tenant_id = {tenant} and not exists (
               select from atlas.audit_links l where l.tenant_id = e.tenant_id and l.event_id = e.id)""",
    )
    verify = ("audit", "verify", "--tenant", tenant, "--checkpoint", tmp_path / "kept")
    assert up.atlas.json(*verify, exit_code=1)["broken"]["fault"] == "MISSING"
    told = up.atlas.json(*verify, "--pruned")
    assert (told["intact"], told["first"], told["checkpoints"]) == (True, kept["seq"] + 1, 1)
    spoken = up.atlas.run(*verify, "--pruned").stdout
    assert f"after the checkpoint of record {kept['seq']}" in spoken


def test_a_file_that_holds_no_checkpoint_of_the_tenant_is_refused(up: Up, tenant: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "nonsense").write_text('{"version": 1}\n')
    for name, told in (("empty", "no checkpoint of this tenant"), ("nonsense", "Line 1 of")):
        error = up.atlas.refused("audit", "verify", "--tenant", tenant, "--checkpoint", tmp_path / name)
        assert error["code"] == "CHECKPOINT_UNREADABLE"
        assert told in error["message"]
    absent = up.atlas.refused("audit", "verify", "--tenant", tenant, "--checkpoint", tmp_path / "absent")
    assert absent["code"] == "FILE_UNUSABLE"


def test_only_who_may_read_the_record_may_verify_it(up: Up, tenant: str) -> None:
    for role, allowed in (("OPERATOR", False), ("MANAGER", True)):
        made = up.atlas.json("token", "create", "--principal", f"as-{role}", "--tenant", tenant, "--role", role)
        holder = up.atlas.with_(ATLAS_TOKEN=made["token"])
        if allowed:
            assert holder.json("audit", "verify", "--tenant", tenant)["intact"] is True
            assert holder.json("audit", "checkpoint", "--tenant", tenant)["seq"] > 1
        else:
            assert holder.refused("audit", "verify", "--tenant", tenant)["code"] == "FORBIDDEN"
            assert holder.refused("audit", "checkpoint", "--tenant", tenant)["code"] == "FORBIDDEN"


def test_a_tenant_of_others_looks_absent(up: Up, tenant: str) -> None:
    other = f"other-{uuid4().hex[:8]}"
    up.atlas.run("tenant", "create", other)
    made = up.atlas.json("token", "create", "--principal", "owner", "--tenant", other, "--role", "OWNER")
    stranger = up.atlas.with_(ATLAS_TOKEN=made["token"])
    for command in ("verify", "checkpoint"):
        foreign = stranger.refused("audit", command, "--tenant", tenant)
        absent = stranger.refused("audit", command, "--tenant", "absent")
        assert foreign["code"] == absent["code"] == "NOT_FOUND"
        assert foreign["message"].replace(tenant, "absent") == absent["message"]
