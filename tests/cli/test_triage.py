"""`atlas findings` and `atlas ack` as a person uses them, and what each role may do."""

from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from tests.cli.conftest import Up, export


@pytest.fixture(scope="module")
def tenant(up: Up, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tenant with two findings: two of its policies changed."""
    name = f"triage-{uuid4().hex[:8]}"
    folder: Path = tmp_path_factory.mktemp("exports")
    up.atlas.run("tenant", "create", name)
    up.atlas.run("sync", "folder", export(folder / "one"), "--tenant", name)
    up.atlas.run("sync", "folder", export(folder / "two", p1=2, p2=2), "--tenant", name)
    told = up.atlas.run("drift", "--tenant", name)
    assert "SUCCEEDED" in told.stdout
    return name


def test_the_table_fits_a_hundred_columns_and_says_what_to_do_next(up: Up, tenant: str) -> None:
    told = up.atlas.run("findings", "--tenant", tenant).stdout
    assert all(len(line) <= 100 for line in told.splitlines() if "atlas ack" not in line)
    assert "Policy 1" in told
    assert "MODIFIED 1" in told
    assert "2 findings:" in told
    assert "\x1b" not in told


def test_a_narrow_terminal_holds_the_table_too(up: Up, tenant: str) -> None:
    told = up.atlas.with_(COLUMNS=60).run("findings", "--tenant", tenant).stdout
    assert all(len(line) <= 60 for line in told.splitlines() if "atlas" not in line)
    assert "Policy 1" in told


def test_findings_are_filtered_and_limited(up: Up, tenant: str) -> None:
    assert len(up.atlas.json("findings", "--tenant", tenant, "--status", "new")) >= 1
    assert up.atlas.json("findings", "--tenant", tenant, "--status", "RESOLVED") == []
    assert up.atlas.json("findings", "--tenant", tenant, "--severity", "critical") == []
    assert len(up.atlas.json("findings", "--tenant", tenant, "--limit", "1")) == 1
    assert "1 more" in up.atlas.run("findings", "--tenant", tenant, "--limit", "1").stdout


def test_an_acknowledgement_is_kept_with_its_reason_and_author(up: Up, tenant: str) -> None:
    first, second = up.atlas.json("findings", "--tenant", tenant)
    beginning = first["fingerprint"].removeprefix("f1:")[:10]
    done = up.atlas.json("ack", beginning, "--reason", "Change 4711", "--tenant", tenant)
    assert done["id"] == first["id"]
    assert done["status"] == "ACKNOWLEDGED"
    assert done["acknowledgement"]["reason"] == "Change 4711"
    assert done["acknowledgement"]["by"]["displayName"].startswith("local:")
    told = up.atlas.run("ack", second["id"], "--reason", "Until then", "--expires-at", "2099-01-01T00:00:00Z")
    assert "ACKNOWLEDGED until 2099-01-01" in told.stdout
    statuses = {one["id"]: one["status"] for one in up.atlas.json("findings", "--tenant", tenant)}
    assert statuses == {first["id"]: "ACKNOWLEDGED", second["id"]: "ACKNOWLEDGED"}


def test_a_finding_that_is_not_there_is_not_found(up: Up, tenant: str) -> None:
    assert up.atlas.refused("ack", "00000000", "--reason", "x", "--tenant", tenant)["code"] == "NOT_FOUND"
    up.atlas.run("ack", "not-hex", "--reason", "x", exit_code=2)


def test_a_reader_reads_and_no_more(up: Up, tenant: str, tmp_path: Path) -> None:
    token = up.atlas.json("token", "create", "--principal", "eyes", "--tenant", tenant, "--role", "READER")["token"]
    reader = up.atlas.with_(ATLAS_TOKEN=token)
    found = reader.json("findings", "--tenant", tenant)
    assert len(found) == 2
    assert [one["name"] for one in reader.json("tenant", "list")] == [tenant]
    for words in (
        ("ack", found[0]["id"], "--reason", "mine"),
        ("drift", "--tenant", tenant),
        ("sync", "folder", export(tmp_path), "--tenant", tenant),
        ("token", "create", "--principal", "more", "--tenant", tenant, "--role", "OWNER"),
        ("token", "list", "--tenant", tenant),
    ):
        assert reader.refused(*words)["code"] == "FORBIDDEN", words


def test_a_tenant_of_others_looks_absent(up: Up, tenant: str) -> None:
    other = f"other-{uuid4().hex[:8]}"
    up.atlas.run("tenant", "create", other)
    token = up.atlas.json("token", "create", "--principal", "eyes", "--tenant", other, "--role", "OWNER")["token"]
    stranger = up.atlas.with_(ATLAS_TOKEN=token)
    foreign = stranger.refused("findings", "--tenant", tenant)
    assert foreign["code"] == "NOT_FOUND"
    assert stranger.refused("findings", "--tenant", "absent")["message"] == foreign["message"].replace(tenant, "absent")
    finding = up.atlas.json("findings", "--tenant", tenant)[0]
    assert stranger.refused("ack", finding["id"], "--reason", "x")["code"] == "NOT_FOUND"


def test_a_revoked_token_opens_nothing(up: Up, tenant: str) -> None:
    made = up.atlas.json("token", "create", "--principal", "gone", "--tenant", tenant, "--role", "READER")
    holder = up.atlas.with_(ATLAS_TOKEN=made["token"])
    assert holder.json("tenant", "list")
    gone = up.atlas.json("token", "revoke", made["id"], "--tenant", tenant)
    assert gone["revokedAt"]
    assert holder.refused("tenant", "list")["code"] == "UNAUTHENTICATED"
    assert up.atlas.refused("token", "revoke", made["id"], "--tenant", tenant)["code"] == "NOT_FOUND"
    listed = up.atlas.json("token", "list", "--tenant", tenant)
    assert made["token"] not in str(listed)
    assert next(one for one in listed if one["id"] == made["id"])["revokedAt"]


def test_a_made_up_token_is_refused(up: Up) -> None:
    assert up.atlas.with_(ATLAS_TOKEN="atlas_nonsense").refused("tenant", "list")["code"] == "UNAUTHENTICATED"


def test_a_taken_name_is_a_conflict(up: Up, tenant: str) -> None:
    assert up.atlas.refused("tenant", "create", tenant)["code"] == "CONFLICT"


def test_findings_are_written_for_other_tools(up: Up, tenant: str) -> None:
    table = up.atlas.run("findings", "--tenant", tenant, "--format", "csv").stdout.splitlines()
    assert len(table) == 3
    assert table[0].startswith("id,fingerprint,scope")
    log = orjson.loads(up.atlas.run("findings", "--tenant", tenant, "--format", "sarif").stdout)
    assert len(log["runs"][0]["results"]) == 2
    lines = up.atlas.run("findings", "--tenant", tenant, "--format", "jsonl").stdout.splitlines()
    assert [orjson.loads(line) for line in lines] == up.atlas.json("findings", "--tenant", tenant)
    up.atlas.run("findings", "--tenant", tenant, "--format", "xlsx", exit_code=2)
