"""`atlas graph`: a connection is made, seen and removed, and its secret is never said again."""

from pathlib import Path
from uuid import uuid4

from tests.cli.conftest import Up

SECRET = "cl1ent~s3cret-of-an-application"


def test_a_connection_is_made_seen_and_removed(up: Up, tmp_path: Path) -> None:
    atlas, name, directory, client = up.atlas, f"graph-{uuid4().hex[:8]}", uuid4(), uuid4()
    atlas.run("tenant", "create", name)
    assert atlas.refused("sync", "graph", "--tenant", name)["code"] == "NO_GRAPH_CONNECTION"
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    connecting = ("graph", "connect", "--tenant", name, "--entra-tenant-id", directory, "--client-id", client)
    told = atlas.run(*connecting, "--secret-file", secret, "--untested")
    assert "sealed" in told.stdout
    assert "Nobody signed in with it yet" in told.stdout
    assert SECRET not in told.stdout + told.stderr
    (shown,) = atlas.json("graph", "list", "--tenant", name)
    assert (shown["entraTenantId"], shown["clientId"], shown["cloud"]) == (str(directory), str(client), "GLOBAL")
    assert atlas.refused(*connecting, "--reference", "env:CONTOSO_SECRET")["code"] == "CONFLICT"
    assert atlas.json("graph", "remove", shown["uuid"], "--tenant", name) == shown
    assert atlas.refused("graph", "remove", shown["id"], "--tenant", name)["code"] == "NOT_FOUND"
    assert atlas.json(*connecting, "--reference", "env:CONTOSO_SECRET")["reference"] == "env:CONTOSO_SECRET"
    atlas.run("graph", "remove", atlas.json("graph", "list", "--tenant", name)[0]["uuid"], "--tenant", name)
    managed = atlas.json(*connecting, "--kind", "managed_identity")
    assert (managed["credentialKind"], managed["reference"], managed["testedAt"]) == ("MANAGED_IDENTITY", None, None)
    assert "the worker's" in atlas.run("graph", "list", "--tenant", name).stdout


def test_one_place_of_the_secret_is_named(up: Up, tmp_path: Path) -> None:
    connecting = ("graph", "connect", "--tenant", "x", "--entra-tenant-id", uuid4(), "--client-id", uuid4())
    for places in ((), ("--secret-file", tmp_path / "secret", "--reference", "env:X")):
        assert "--reference" in up.atlas.run(*connecting, *places, exit_code=2).stderr
    identity = (*connecting, "--kind", "WORKLOAD_IDENTITY", "--reference", "env:X")
    assert "has no secret" in up.atlas.run(*identity, exit_code=2).stderr
    assert up.atlas.refused(*connecting, "--secret-file", tmp_path / "absent")["code"] == "FILE_UNUSABLE"
