"""`atlas graph` and `atlas sync graph` against the stand-in: connected, probed and synced, and nothing secret said."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.conftest import Atlas, served
from tests.graph.authority import Authority, authority_in
from tests.graph.standin import Fault, StandIn, Tenant, serving, status
from tests.graph.test_sync_run import CATALOG, policies


@pytest.fixture(scope="module")
def microsoft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Authority, StandIn]]:
    """A sign-in and a Graph, in threads of their own: the command line is another process."""
    ready, stop, made = threading.Event(), threading.Event(), list[Authority]()

    async def serve() -> None:
        async with authority_in(tmp_path_factory.mktemp("authority")) as authority:
            made.append(authority)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(20)
    with serving(Tenant().add(CATALOG, *policies(*range(3)))) as graph:
        made[0].token = graph.token
        yield made[0], graph
    stop.set()
    thread.join(20)


@pytest.fixture(scope="module")
def atlas(microsoft: tuple[Authority, StandIn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Atlas]:
    authority, graph = microsoft
    made = Atlas(
        tmp_path_factory.mktemp("graph-cli"),
        {
            "ATLAS_GRAPH_URL": graph.url,
            "ATLAS_GRAPH_AUTHORITY": authority.url,
            "REQUESTS_CA_BUNDLE": str(authority.ca),
        },
    )
    with served(made):
        yield made


def test_a_tenant_is_connected_probed_and_synced_by_hand(
    atlas: Atlas, microsoft: tuple[Authority, StandIn], tmp_path: Path
) -> None:
    authority, graph = microsoft
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
    atlas: Atlas, microsoft: tuple[Authority, StandIn], tmp_path: Path
) -> None:
    authority, graph = microsoft
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
    assert "DeviceManagementConfiguration.Read.All" not in lacks
    assert lacks["DeviceManagementRBAC.Read.All"] == ["roleAssignment", "roleDefinition", "roleScopeTag"]
    assert {"DeviceManagementApps.Read.All", "DeviceManagementScripts.Read.All"} <= set(lacks)
