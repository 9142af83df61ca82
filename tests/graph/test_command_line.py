"""`atlas graph` and `atlas sync graph` against the stand-in: connected, probed and synced, and nothing secret said."""

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson

from atlas.graph_budget import open_buckets
from atlas.local import services
from tests.cli.conftest import Up
from tests.graph.authority import EVERYTHING, SIGN_IN_PAGE, USER_CODE, Authority
from tests.graph.standin import Fault, StandIn, status


def test_a_tenant_is_connected_probed_and_synced_by_hand(
    connected: Up, microsoft: tuple[Authority, StandIn], tmp_path: Path
) -> None:
    authority, graph = microsoft
    atlas = connected.atlas
    secret = tmp_path / "secret"
    secret.write_text("a wr0ng secret\n")
    atlas.run("tenant", "create", "contoso")
    connecting = ("graph", "connect", "--tenant", "contoso", "--entra-tenant-id", uuid4(), "--client-id", uuid4())
    connecting += ("--secret-file", secret)
    refused = atlas.refused(*connecting)
    assert refused["code"] == "SIGN_IN_REFUSED"
    assert "wr0ng" not in str(refused)
    assert atlas.json("graph", "list", "--tenant", "contoso") == [], "what was refused is not stored"
    secret.write_text(authority.secret)
    # The token of the stand-in is no JWT, so that it says nothing of what it permits.
    made = atlas.json(*connecting)
    assert made["testedAt"] is not None
    assert made["missingPermissions"] is None

    probed = atlas.json("graph", "probe", "--tenant", "contoso")
    assert len(probed) > 20
    assert [one["itemType"] for one in probed[-2:]] == ["group", "auditEvent"]
    assert {one["status"] for one in probed[-2:]} == {"COMPLETE"}
    (policy,) = (one for one in probed if one["itemType"] == "configurationPolicy")
    assert (policy["status"], policy["httpStatus"], policy["objects"], policy["hasNext"]) == ("COMPLETE", 200, 3, False)

    run = atlas.json("sync", "graph", "--tenant", "contoso", "--types", "configurationPolicy,roleScopeTag")
    assert (run["status"], run["source"], run["sequence"]) == ("SUCCEEDED", "GRAPH", 1)
    assert run["counts"]["added"] == 3
    assert {one["itemType"]: one["observed"] for one in run["coverage"]} == {
        "configurationPolicy": 3,
        "roleScopeTag": 0,
    }
    ended = atlas.run("sync", "cancel", run["id"], "--tenant", "contoso", exit_code=1)
    assert "until it ends" in ended.stderr

    graph.faults.append(Fault("roleScopeTags", status(403)))
    told = atlas.run("sync", "graph", "--tenant", "contoso", "--types", "configurationPolicy,roleScopeTag", exit_code=3)
    assert "roleScopeTag: FORBIDDEN" in told.stderr
    probing = atlas.run("graph", "probe", "--tenant", "contoso", "--types", "roleScopeTag", exit_code=3)
    assert "FORBIDDEN" in probing.stdout
    graph.faults[:] = [Fault(".", status(403))]
    failed = atlas.json("sync", "graph", "--tenant", "contoso", exit_code=1)
    assert failed["error"]["code"] == "NOTHING_COMPLETE"
    for output in (told.stdout, told.stderr, probing.stdout, probing.stderr, str(failed)):
        assert authority.secret not in output
        assert graph.token not in output


def test_the_missing_permissions_are_told_with_what_they_cost(
    connected: Up, microsoft: tuple[Authority, StandIn], tmp_path: Path
) -> None:
    authority, graph = microsoft
    atlas = connected.atlas
    authority.token, authority.roles = None, ("DeviceManagementConfiguration.ReadWrite.All", "Policy.Read.All")
    try:
        secret = tmp_path / "secret"
        secret.write_text(authority.secret)
        atlas.run("tenant", "create", "fabrikam")
        connecting = ("graph", "connect", "--tenant", "fabrikam", "--entra-tenant-id", uuid4(), "--client-id", uuid4())
        made = atlas.json(*connecting, "--secret-file", secret)
    finally:
        authority.token = graph.token
    lacks = {one["permission"]: one["itemTypes"] for one in made["missingPermissions"]}
    beside = {one["permission"]: one["beside"] for one in made["missingPermissions"]}
    assert "DeviceManagementConfiguration.Read.All" not in lacks
    assert lacks["DeviceManagementRBAC.Read.All"] == ["roleAssignment", "roleDefinition", "roleScopeTag"]
    assert {"DeviceManagementApps.Read.All", "DeviceManagementScripts.Read.All"} <= set(lacks)
    assert (lacks["Group.Read.All"], beside["Group.Read.All"]) == ([], ["names of groups"])
    assert beside["DeviceManagementApps.Read.All"] == ["who made a change"]
    assert beside["DeviceManagementRBAC.Read.All"] == ["names of scope tags"]


def test_a_schedule_is_set_shown_changed_and_removed(
    connected: Up, microsoft: tuple[Authority, StandIn], tmp_path: Path
) -> None:
    atlas, secret = connected.atlas, tmp_path / "secret"
    secret.write_text(microsoft[0].secret)
    atlas.run("tenant", "create", "clockwork")
    connecting = ("graph", "connect", "--tenant", "clockwork", "--entra-tenant-id", uuid4(), "--client-id", uuid4())
    atlas.run(*connecting, "--secret-file", secret)
    of_it = ("--tenant", "clockwork")
    made = atlas.json("schedule", "set", *of_it, "--every", "6")
    assert (made["name"], made["everyHours"], made["cron"], made["itemTypes"]) == ("default", 6, None, None)
    assert made["nextTick"] <= made["dueAt"]
    at_night = ("--name", "night", "--cron", "30 2 * * 1-5", "--time-zone", "Europe/Berlin", "--types", "roleScopeTag")
    assert "night: next on 20" in atlas.run("schedule", "set", *of_it, *at_night).stdout
    changed = atlas.json("schedule", "set", *of_it, "--every", "12")
    listed = {one["name"]: one for one in atlas.json("schedule", "list", *of_it)}
    assert listed.keys() == {"default", "night"}
    assert listed["default"] == changed
    assert (changed["everyHours"], changed["lastTick"], changed["failures"]) == (12, None, 0)
    night = listed["night"]
    assert (night["cron"], night["timeZone"], night["itemTypes"]) == ("30 2 * * 1-5", "Europe/Berlin", ["roleScopeTag"])
    shown = atlas.run("schedule", "list", *of_it).stdout
    assert "every 12 hours" in shown
    assert "Europe/Berlin" in shown
    assert "night is removed" in atlas.run("schedule", "remove", *of_it, "--name", "night").stdout
    assert atlas.json("schedule", "remove", *of_it) == {"name": "default", "removed": True}
    assert atlas.json("schedule", "list", *of_it) == []
    assert atlas.refused("schedule", "remove", *of_it)["code"] == "NOT_FOUND"
    wrong = atlas.refused("schedule", "set", *of_it, "--cron", "61 * * * *")
    assert wrong["code"] == "INVALID_INPUT"


def test_a_probe_takes_from_the_budget_that_the_workers_share(
    connected: Up, microsoft: tuple[Authority, StandIn], tmp_path: Path
) -> None:
    authority, graph = microsoft
    atlas, directory, secret = connected.atlas, uuid4(), tmp_path / "secret"
    graph.faults.clear()
    secret.write_text(authority.secret)
    atlas.run("tenant", "create", "thrifty")
    who = ("--entra-tenant-id", directory, "--client-id", uuid4())
    atlas.run("graph", "connect", "--tenant", "thrifty", *who, "--secret-file", secret)
    probing = ("graph", "probe", "--tenant", "thrifty", "--types", "roleScopeTag")
    for words in (probing, (*probing, "--device-code", *who)):
        until = time.monotonic() + 8
        with services(atlas.home) as running:
            asyncio.run(pause(running.broker_url, f"{directory}:intune", 8))
        graph.asked.clear()
        atlas.run(*words)
        # The clock of Valkey and this one began a little apart.
        assert min(one.at for one in graph.asked) > until - 1


async def pause(broker_url: str, name: str, seconds: float) -> None:
    """As a worker does that Graph told to wait."""
    buckets = open_buckets(broker_url)
    await buckets.pause(name, seconds)
    await buckets.close()


def test_a_connection_is_tried_again_after_consent_was_given(
    connected: Up, microsoft: tuple[Authority, StandIn], tmp_path: Path
) -> None:
    authority, graph = microsoft
    atlas, secret = connected.atlas, tmp_path / "secret"
    secret.write_text(authority.secret)
    atlas.run("tenant", "create", "consenting")
    of_it = ("--tenant", "consenting")
    assert atlas.refused("graph", "test", *of_it)["code"] == "NOT_FOUND"
    authority.token, authority.roles = None, ("DeviceManagementConfiguration.Read.All",)
    try:
        connecting = ("graph", "connect", *of_it, "--entra-tenant-id", uuid4(), "--client-id", uuid4())
        made = atlas.json(*connecting, "--secret-file", secret)
        assert made["missingPermissions"]
        authority.roles = EVERYTHING
        told = atlas.json("graph", "test", *of_it)
        assert (told["id"], told["status"], told["missingPermissions"]) == (made["id"], "SUCCEEDED", [])
        assert told["testedAt"] > made["testedAt"]
        authority.refusal = (401, "AADSTS65001: Nobody consented.")
        refused = atlas.json("graph", "test", made["uuid"], *of_it, exit_code=1)
        assert (refused["status"], refused["error"]["code"]) == ("FAILED", "SIGN_IN_REFUSED")
        assert "Nobody consented" in atlas.run("graph", "test", *of_it, exit_code=1).stderr
        authority.refusal = None
        assert "Signed in." in atlas.run("graph", "test", *of_it).stdout
    finally:
        authority.token, authority.refusal = graph.token, None
    assert atlas.refused("graph", "test", uuid4(), *of_it)["code"] == "NOT_FOUND"


def test_a_person_probes_by_a_device_code_without_any_connection(
    connected: Up, microsoft: tuple[Authority, StandIn]
) -> None:
    atlas, graph = connected.atlas, microsoft[1]
    graph.faults.clear()
    atlas.run("tenant", "create", "tailspin")
    words = ("graph", "probe", "--tenant", "tailspin", "--device-code", "--types", "configurationPolicy,roleScopeTag")
    assert "--entra-tenant-id" in atlas.run(*words, exit_code=2).stderr
    ended = atlas.run(*words, "--entra-tenant-id", uuid4(), "--client-id", uuid4(), "--json")
    assert f"Open {SIGN_IN_PAGE} and type {USER_CODE}" in ended.stderr
    assert [(one["itemType"], one["status"]) for one in orjson.loads(ended.stdout)] == [
        ("configurationPolicy", "COMPLETE"),
        ("roleScopeTag", "COMPLETE"),
    ]
    assert atlas.json("graph", "list", "--tenant", "tailspin") == [], "nothing is stored"
    assert graph.token not in ended.stdout + ended.stderr


def test_a_secret_that_came_over_graphql_is_tried_by_the_worker(
    connected: Up, microsoft: tuple[Authority, StandIn]
) -> None:
    """The API seals it and cannot open it; the worker opens it, signs in, and tells what is missing."""
    authority, graph = microsoft
    atlas = connected.atlas
    tenant = atlas.json("tenant", "create", "northwind")["id"]
    made = atlas.json("token", "create", "--principal", "owner", "--tenant", "northwind", "--role", "OWNER")
    headers = {"authorization": f"Bearer {made['token']}"}
    authority.token, authority.roles = None, ("DeviceManagementConfiguration.Read.All",)
    given = {"tenantId": tenant, "entraTenantId": str(uuid4()), "clientId": str(uuid4()), "secret": authority.secret}
    query = """mutation($i: ConnectGraphInput!) {
        connectGraph(input: $i) { errors { message } application { id status } } }"""
    try:
        with httpx.Client(base_url=connected.url, headers=headers, timeout=20) as client:
            body = {"query": query, "variables": {"i": given}}
            answer = client.post("/graphql", json=body).json()["data"]["connectGraph"]
            assert answer["errors"] == []
            deadline = time.monotonic() + 30
            while (told := _connections(client, tenant)[0])["status"] in {"QUEUED", "RUNNING"}:
                assert time.monotonic() < deadline, told
                time.sleep(0.1)
    finally:
        authority.token = graph.token
    assert (told["id"], told["status"], told["error"]) == (answer["application"]["id"], "SUCCEEDED", None)
    assert {"permission": "Group.Read.All", "itemTypes": [], "beside": ["names of groups"]} in told[
        "missingPermissions"
    ]
    (listed,) = atlas.json("graph", "list", "--tenant", "northwind")
    assert (listed["id"], listed["status"]) == (told["id"], "SUCCEEDED")
    assert listed["missingPermissions"] == told["missingPermissions"]
    assert authority.secret not in atlas.log.read_text()


def _connections(client: httpx.Client, tenant: str) -> list[dict[str, Any]]:
    query = """query($t: ID!) { tenant(by: {id: $t}) { graphConnections {
        id status error { code } missingPermissions { permission itemTypes beside } } } }"""
    answer = client.post("/graphql", json={"query": query, "variables": {"t": tenant}}).json()
    found: list[dict[str, Any]] = answer["data"]["tenant"]["graphConnections"]
    return found
