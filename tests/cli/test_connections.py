"""`atlas graph`: a connection is made, seen and removed, and its secret is never said again."""

import time
from pathlib import Path
from uuid import uuid4

from atlas.cli.checks import of_home
from atlas.cli.place import Place
from atlas.keys import deployment_key, ensure_key, rotate
from atlas.sealing import SealingKey, sealing_key
from atlas.settings import Settings
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
    # The worker tries it meanwhile.
    assert atlas.json("graph", "remove", shown["uuid"], "--tenant", name)["id"] == shown["id"]
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


def test_the_worker_tries_what_nobody_tried_and_the_list_tells_what_came_of_it(up: Up) -> None:
    atlas, name = up.atlas, f"graph-{uuid4().hex[:8]}"
    atlas.run("tenant", "create", name)
    connecting = ("graph", "connect", "--tenant", name, "--entra-tenant-id", uuid4(), "--client-id", uuid4())
    made = atlas.json(*connecting, "--reference", "env:NOBODY_HAS_THIS")
    assert (made["status"], made["error"], made["missingPermissions"]) == ("QUEUED", None, None)
    deadline = time.monotonic() + 60
    while (told := atlas.json("graph", "list", "--tenant", name)[0])["status"] in {"QUEUED", "RUNNING"}:
        assert time.monotonic() < deadline, told
        time.sleep(0.5)
    assert (told["status"], told["error"]["code"]) == ("FAILED", "CREDENTIAL_MISSING")
    assert "CREDENTIAL_MISSING" in atlas.run("graph", "list", "--tenant", name).stdout


def test_the_sealing_key_is_told_and_is_the_key_of_the_home(up: Up) -> None:
    told = up.atlas.json("keys", "sealing")["sealingKey"]
    assert told == str(sealing_key(deployment_key(up.atlas.home / "secret.key")))
    assert up.atlas.run("keys", "sealing").stdout.strip() == told


def test_what_is_no_sealing_key_is_refused_and_not_repeated(up: Up) -> None:
    wrong = "0123456789abcdef" * 4
    refused = up.atlas.with_(ATLAS_SEALING_KEY=wrong).run("tenant", "list", exit_code=1)
    assert "ATLAS_SEALING_KEY" in refused.stderr
    assert wrong not in refused.stdout + refused.stderr


def test_the_doctor_knows_a_sealing_key_that_no_worker_opens(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    ensure_key(file)

    def told(key: SealingKey) -> list[str]:
        place = Place(tmp_path, Settings(secret_key_file=file, sealing_key=str(key)), None)
        return [one.state for one in of_home(place) if one.name == "sealing key"]

    first = sealing_key(deployment_key(file))
    assert told(first) == ["ok"]
    assert told(sealing_key(b"another deployment key of these tests")) == ["fail"]
    rotate(file)
    assert told(first) == ["warn"]
    assert told(sealing_key(deployment_key(file))) == ["ok"]
    assert [
        one for one in of_home(Place(tmp_path, Settings(secret_key_file=file), None)) if "sealing" in one.name
    ] == []
