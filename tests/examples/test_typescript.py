"""The example in TypeScript, built by the tools that its users have, and run against a server with its worker.

graphql-codegen and relay-compiler read the schema, tsc holds the types, graphql-ws and graphql-sse follow a run.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest

from tests.cli.conftest import ROOT, Atlas, Up, export, served
from tests.node import modules, node

FOLDER = ROOT / "examples/typescript"


@dataclass(frozen=True, slots=True)
class Client:
    """The example with its generated code, a server, and the token that it holds."""

    folder: Path
    exports: Path
    up: Up
    token: str

    def run(self, *words: str, **environment: str) -> CompletedProcess[str]:
        given = {"ATLAS_URL": self.up.url, "ATLAS_TOKEN": self.token} | environment
        return node(*words, folder=self.folder, **given)

    def sync(self, name: str, **values: int) -> None:
        folder = export(self.exports / name, **values)
        self.up.atlas.run("sync", "folder", folder, "--tenant", "contoso", "--label", "production")

    def post(self, **body: Any) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}"}
        answer: dict[str, Any] = httpx.post(f"{self.up.url}/graphql", json=body, headers=headers).json()
        return answer


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as somebody has it who installed and built it, with the schema where it looks for it."""
    root: Path = tmp_path_factory.mktemp("typescript")
    (root / "atlas/schema").mkdir(parents=True)
    shutil.copy(ROOT / "atlas/schema/schema.graphql", root / "atlas/schema")
    folder = root / "examples/typescript"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules", "gql", "__generated__", "*.log"))
    (folder / "node_modules").symlink_to(modules(FOLDER))
    for name, arguments in scripts("generate", "check", "relay"):
        ended = node(f"node_modules/.bin/{name}", *arguments, folder=folder)
        assert ended.returncode == 0, f"{name}: {ended.stdout}{ended.stderr}"
    return folder


def scripts(*names: str) -> list[tuple[str, list[str]]]:
    """What `npm run` would run."""
    told = json.loads((FOLDER / "package.json").read_text())["scripts"]
    return [(words[0], words[1:]) for name in names for words in [told[name].split()]]


@pytest.fixture(scope="module")
def client(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with served(Atlas(tmp_path_factory.mktemp("clients"))) as up:
        up.atlas.run("tenant", "create", "contoso")
        new = up.atlas.json("token", "create", "--principal", "page", "--tenant", "contoso", "--role", "OPERATOR")
        made = Client(built, tmp_path_factory.mktemp("exports"), up, new["token"])
        made.sync("one")
        made.sync("two", p1=2)
        yield made


def test_a_run_is_followed_over_either_transport_and_its_findings_are_listed(client: Client) -> None:
    over_socket = client.run("src/drift.ts", "contoso")
    assert over_socket.returncode == 0, over_socket.stderr
    assert over_socket.stdout.splitlines()[-1] == "production\tSUCCEEDED\t1 new, 0 resolved"
    client.sync("three", p1=2, p2=2)
    over_stream = client.run("src/drift.ts", "contoso", "production", ATLAS_STREAM="sse")
    assert over_stream.returncode == 0, over_stream.stderr
    assert over_stream.stdout.splitlines()[-1] == "production\tSUCCEEDED\t1 new, 0 resolved"
    listed = client.run("src/findings.ts", "contoso")
    assert (listed.returncode, listed.stderr) == (0, "2 open findings\n")
    told = [line.split("\t") for line in listed.stdout.splitlines()]
    assert {(change, name) for _, change, _, name, _ in told} == {("MODIFIED", "Policy 1"), ("MODIFIED", "Policy 2")}


def test_what_the_builds_registered_is_asked_for_by_its_id(client: Client) -> None:
    relay = (client.folder / "relay/persisted.json").read_text()
    assert relay == (FOLDER / "relay/persisted.json").read_text(), "run `npm run relay` in examples/typescript"
    both = json.loads((client.folder / "src/gql/persisted-documents.json").read_text()) | json.loads(relay)
    written = client.folder / "registered.json"
    written.write_text(json.dumps(both))
    assert client.up.atlas.json("documents", "load", written)["documents"] == 8
    listed = client.run("src/findings.ts", "contoso", ATLAS_DOCUMENTS="registered")
    assert listed.returncode == 0, listed.stderr
    artifact = (client.folder / "relay/__generated__/FindingListQuery.graphql.ts").read_text()
    (named,) = re.findall(r'"id": "([0-9a-f]{64})"', artifact)
    tenant = client.post(documentId=named, variables={"name": "contoso"})["data"]["tenant"]
    assert tenant["findings"]["pageInfo"]["hasNextPage"] is False
    page = (client.folder / "relay/__generated__/FindingListPageQuery.graphql.ts").read_text()
    (again,) = re.findall(r'"id": "([0-9a-f]{64})"', page)
    refetched = client.post(documentId=again, variables={"id": tenant["id"], "count": 1})["data"]["node"]
    assert refetched["findings"]["edges"] == tenant["findings"]["edges"][:1]


def test_what_cannot_be_done_is_told(client: Client) -> None:
    for told, why in (
        (client.run("src/drift.ts", "fabrikam"), "There is no tenant fabrikam"),
        (client.run("src/drift.ts", "contoso", "staging"), "no scope staging"),
        (client.run("src/findings.ts", "contoso", ATLAS_TOKEN="atlas_wrong"), "token"),
        (client.run("src/findings.ts"), "Name the tenant"),
    ):
        assert (told.returncode, told.stdout) == (1, "")
        assert why in told.stderr


def test_a_field_that_was_not_asked_for_is_found_by_the_types(built: Path) -> None:
    wrong = built / "src/wrong.ts"
    asked = (built / "src/findings.ts").read_text()
    wrong.write_text(asked.replace("changeType, subject, ", "changeType, subject, fingerprint, "))
    try:
        ended = node("node_modules/.bin/tsc", folder=built)
    finally:
        wrong.unlink()
    assert ended.returncode != 0
    assert "'fingerprint' does not exist" in ended.stdout


def test_the_lock_names_no_place_to_download_from() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text())
    packages = {name: held for name, held in lock["packages"].items() if name}
    assert all("integrity" in held and "resolved" not in held for held in packages.values())
    asked = json.loads((FOLDER / "package.json").read_text())
    for name, version in (asked["dependencies"] | asked["devDependencies"]).items():
        assert packages[f"node_modules/{name}"]["version"] == version
