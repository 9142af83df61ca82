"""What `--json` prints has the field names of the GraphQL types, and all that was asked for."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import GraphQLObjectType, build_schema, get_named_type

from tests.cli.conftest import Up, export

# What a list or an object of its own can be asked for: not part of what a command prints of an object.
LEFT_OUT = {
    "Finding": {"auditEvents"},
    "DriftRun": {"findings"},
    "SyncRun": set(),
    "Tenant": set(),
}


@pytest.fixture(scope="module")
def printed(up: Up, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Everything that the commands print of one tenant whose first policy changed."""
    name = f"shapes-{uuid4().hex[:8]}"
    folder = tmp_path_factory.mktemp("exports")
    tenant = up.atlas.json("tenant", "create", name, "--entra-tenant-id", uuid4())
    runs = [
        up.atlas.json("sync", "folder", export(folder / "one"), "--tenant", name, "--label", "Weekly"),
        up.atlas.json("sync", "folder", export(folder / "two", p1=2), "--tenant", name),
    ]
    return {
        "name": name,
        "tenant": tenant,
        "runs": runs,
        "drift": up.atlas.json("drift", "--tenant", name),
        "findings": up.atlas.json("findings", "--tenant", name),
    }


@pytest.fixture(scope="module")
def types(up: Up) -> dict[str, Any]:
    ended = up.atlas.run("schema")
    assert not ended.stderr
    return dict(build_schema(ended.stdout).type_map)


def assert_fields(value: Any, type_: Any, types: dict[str, Any]) -> None:
    """Each key is a field of the type, all the way down; at the top none is missing."""
    for key, inner in value.items():
        assert key in type_.fields, f"{type_.name}.{key}"
        field = get_named_type(type_.fields[key].type)
        if isinstance(field, GraphQLObjectType):
            for one in inner if isinstance(inner, list) else [inner]:
                if one is not None:
                    assert_fields(one, field, types)


@pytest.mark.parametrize("name", ["SyncRun", "DriftRun", "Finding"])
def test_objects_have_all_the_fields_of_their_type(printed: dict[str, Any], types: dict[str, Any], name: str) -> None:
    value = {"SyncRun": printed["runs"][0], "DriftRun": printed["drift"], "Finding": printed["findings"][0]}[name]
    assert set(value) == set(types[name].fields) - LEFT_OUT[name]
    assert_fields(value, types[name], types)


def test_a_tenant_has_fields_of_its_type_and_its_uuid(printed: dict[str, Any], types: dict[str, Any]) -> None:
    tenant = printed["tenant"]
    assert set(tenant) - {"uuid"} <= set(types["Tenant"].fields)
    assert tenant["name"] == printed["name"]


def test_a_tenant_may_be_named_by_its_uuid_and_its_global_id(up: Up, printed: dict[str, Any]) -> None:
    for name in (printed["tenant"]["uuid"], printed["tenant"]["id"]):
        assert len(up.atlas.json("findings", "--tenant", name)) == 1


def test_the_runs_tell_what_was_read(printed: dict[str, Any]) -> None:
    first, second = printed["runs"]
    assert (first["status"], first["sequence"], first["counts"]["added"]) == ("SUCCEEDED", 1, 3)
    assert (second["sequence"], second["counts"]["changed"], second["counts"]["unchanged"]) == (2, 1, 2)
    assert first["requestedBy"]["displayName"].startswith("local:")
    assert [unit["status"] for unit in first["coverage"]] == ["COMPLETE"]


def test_the_drift_run_tells_what_changed(printed: dict[str, Any]) -> None:
    drift = printed["drift"]
    assert drift["status"] == "SUCCEEDED"
    assert (drift["counts"]["modified"], drift["counts"]["findingsNew"]) == (1, 1)
    assert [run["id"] for run in printed["runs"]] == [drift["baselineRun"]["id"], drift["currentRun"]["id"]]


def test_the_finding_holds_its_changes(printed: dict[str, Any]) -> None:
    (finding,) = printed["findings"]
    assert finding["subject"]["displayName"] == "Policy 1"
    assert len(finding["changes"]) == finding["changeCount"] == 1
    assert set(finding["changes"][0]) == {"kind", "path", "label", "before", "after"}


def test_ids_are_those_of_the_api(up: Up, printed: dict[str, Any]) -> None:
    token = up.atlas.json(
        "token",
        "create",
        "--principal",
        "reader",
        "--tenant",
        printed["name"],
        "--role",
        "reader",
        "--expires-in",
        "1h",
    )
    assert set(token) == {"id", "token", "principal", "role", "expiresAt"}
    answer = httpx.post(
        f"{up.url}/graphql",
        json={"query": "query ($id: ID!) { node(id: $id) { ... on Finding { fingerprint } } }",
              "variables": {"id": printed["findings"][0]["id"]}},
        headers={"Authorization": f"Bearer {token['token']}"},
    )  # fmt: skip
    assert answer.json()["data"]["node"]["fingerprint"] == printed["findings"][0]["fingerprint"]


def test_drift_again_is_the_same_run(up: Up, printed: dict[str, Any]) -> None:
    again = up.atlas.json("drift", "--tenant", printed["name"])
    assert again["id"] == printed["drift"]["id"]
    runs = [run["id"] for run in printed["runs"]]
    named = up.atlas.json("drift", "--tenant", printed["name"], "--baseline", runs[0], "--current", runs[1])
    assert named["id"] == printed["drift"]["id"]


def test_changes_beyond_a_page_are_all_there(up: Up, tmp_path: Path) -> None:
    """An object with 620 settings that is added: more changes than one question answers."""
    from tests.factories import make_policy, write_export

    name = f"large-{uuid4().hex[:8]}"
    large = make_policy(9)
    setting = large["settings"][0]["settingInstance"]
    large["settings"] = [
        {"id": str(number), "settingInstance": setting | {"settingDefinitionId": f"device_vendor_msft_large_{number}"}}
        for number in range(620)
    ]
    up.atlas.run("tenant", "create", name)
    up.atlas.run("sync", "folder", write_export(tmp_path / "one", make_policy(1)), "--tenant", name)
    up.atlas.run("sync", "folder", write_export(tmp_path / "two", make_policy(1), large), "--tenant", name)
    up.atlas.run("drift", "--tenant", name)
    (finding,) = up.atlas.json("findings", "--tenant", name)
    assert finding["changeCount"] >= 620
    assert len(finding["changes"]) == finding["changeCount"]
    assert len({change["path"] for change in finding["changes"]}) == finding["changeCount"]
