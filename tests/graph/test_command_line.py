"""`atlas graph` and `atlas sync graph` against the stand-in: connected, probed and synced, and nothing secret said."""

from pathlib import Path
from uuid import uuid4

from tests.cli.conftest import Up
from tests.graph.authority import Authority
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
