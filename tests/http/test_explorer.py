"""GraphiQL: every file from this server and as it was released, and examples that the server answers."""

import base64
import hashlib
import re
from importlib.resources import files

import httpx
import pytest
from graphql import OperationDefinitionNode, get_operation_ast, parse, validate

from atlas.domain.vocabulary import Role
from atlas.schema.cost import cost_of
from atlas.schema.limits import Limits, exceeded
from atlas.schema.root import schema
from atlas.schema.shape import measure
from atlas.store.database import Database
from tests.clients import client_of
from tests.http.conftest import Caller, Server, make_caller, serving

PATHS = re.compile(r'(?:src|href)="([^"]+)"')
FOLDER = files("atlas.console")


def examples() -> list[str]:
    """As the page takes them apart."""
    return re.split(r"\n+(?=# )", FOLDER.joinpath("examples.graphql").read_text().strip())


async def test_the_page_brings_all_that_it_runs(client: httpx.AsyncClient) -> None:
    page = await client.get("/graphiql")
    assert page.headers["content-type"].startswith("text/html")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[kind] for kind in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert {policy[kind] for kind in ("font-src", "img-src")} == {"data:"}
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page.text), "nothing inline"
    paths = PATHS.findall(page.text)
    assert len(paths) == 7
    for path in paths:
        assert path.startswith("/console/"), "nothing comes from another host"
        assert (await client.get(path)).status_code == 200, path


async def test_what_others_wrote_is_held_by_its_digest(client: httpx.AsyncClient) -> None:
    page = (await client.get("/graphiql")).text
    held = re.findall(r'(?:src|href)="(/console/graphiql-[^"]+)"\s+integrity="sha384-([^"]+)"', page)
    assert len(held) == 5 == page.count("/console/graphiql-")
    for path, digest in held:
        file = await client.get(path)
        assert base64.b64encode(hashlib.sha384(file.content).digest()).decode() == digest, path
        assert "immutable" in file.headers["cache-control"]
        # Style sheets load what they name; scripts name the manual pages that their texts link to.
        assert file.headers["content-type"].startswith("text/javascript") or not re.search(
            r"url\((?!data:)|@import", file.text
        )


async def test_our_part_of_the_page_reaches_this_server_alone(client: httpx.AsyncClient) -> None:
    script = (await client.get("/console/graphiql.js")).text
    assert not re.search(r"https?://|innerHTML|eval\(", script)
    assert set(re.findall(r'"(/[^"]*)"', script)) == {"/graphql", "/console/examples.graphql"}
    first = re.search(r"const FIRST = `([^`]+)`", script)
    assert first is not None
    answered = await client.post("/graphql", json={"query": first[1]})
    assert "errors" not in answered.json()


def test_each_example_says_what_it_is_for_and_asks_for_what_the_page_knows() -> None:
    script = FOLDER.joinpath("graphiql.js").read_text()
    known = re.search(r"const known = \{([^}]+)\}", script)
    assert known is not None
    names = set(re.findall(r"(\w+):", known[1])) | {"finding"}
    for example in examples():
        assert example.startswith("# "), example
        document = parse(example)
        (operation,) = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        assert operation.name is not None, "the tab is called by it"
        assert {variable.variable.name.value for variable in operation.variable_definitions or ()} <= names
    assert len(examples()) == 7


@pytest.mark.parametrize("example", examples(), ids=lambda text: text.split("\n", 1)[0][2:])
async def test_each_example_is_answered(example: str, server: Server, owner: Database, api: Database) -> None:
    core = schema._schema
    document = parse(example)
    assert validate(core, document) == []
    assert exceeded(measure(document), Limits()) == []
    operation = get_operation_ast(document)
    assert operation is not None
    assert cost_of(core, document, operation, {}) < 500
    if operation.operation.value == "subscription":
        return
    caller: Caller = await make_caller(owner, api, Role.OPERATOR)
    given = {"name": caller.tenant.name, "tenant": caller.tenant_id, "scope": "s1:none", "reason": "seen"}
    asked = {v.variable.name.value for v in operation.variable_definitions or ()}
    variables = {name: given.get(name, caller.tenant_id) for name in asked}
    async with client_of(server.url, headers=caller.headers) as client:
        response = await client.post("/graphql", json={"query": example, "variables": variables})
    assert response.status_code == 200
    assert "errors" not in response.json(), response.text


async def test_where_trusted_documents_alone_are_taken_there_is_nothing_to_explore(api: Database) -> None:
    async with serving(api, trusted_only=True) as strict, client_of(strict.url) as client:
        assert (await client.get("/")).status_code == 200
        for path in ("/graphiql", "/console/graphiql.js", "/console/graphiql-2.4.7/graphiql.min.js"):
            assert (await client.get(path)).status_code == 404
