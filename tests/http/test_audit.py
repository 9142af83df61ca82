"""GraphQL over HTTP as its working group has it: every audit of npm's graphql-http."""

import asyncio
import json
import shutil
from pathlib import Path

from tests.http.conftest import Caller, Server
from tests.node import modules, node

FOLDER = Path(__file__).parent / "audit"


async def test_every_audit_of_graphql_over_http_is_ok(server: Server, caller: Caller, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(await asyncio.to_thread(modules, FOLDER))
    for name in ("package.json", "audit.js"):
        shutil.copy(FOLDER / name, tmp_path)
    asked = ("audit.js", f"{server.url}/graphql", caller.token)
    ended = await asyncio.to_thread(lambda: node(*asked, folder=tmp_path))
    assert ended.returncode == 0, ended.stderr
    results = json.loads(ended.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61
