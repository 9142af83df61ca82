"""Servers beside Atlas in the benchmark of GraphQL, from npm: PostGraphile 5, and Mercurius with its JIT.

Each is one process of Node, whose server is in `bench/node`. It connects as the role that Atlas serves by, and reads in
one transaction a request, in the same context, so under the same policies. As the floor, it looks no token up.
Mercurius answers the very document that Atlas answers. PostGraphile makes its schema from the tables, so it is asked in
its own names; what it answers is brought into Atlas's form and compared like every other answer.

`bench/node/package.json` puts a small package in the place of PostGraphile's console for people, which nobody opens
here and which is five sixths of what it would install.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy.engine import make_url

from atlas.schema.ids import encode_id
from tests.node import NODE, NotInstalledError, modules

FOLDER = Path(__file__).parent / "node"
_TIMES = ("firstSeenAt", "lastSeenAt")

# Of the two ways to ask for a page, this one leaves the tenant's own row unread, as the floor does. None of the rows is
# suppressed, so what the rules of Atlas hide for a time need not be asked for.
_GENERATED = """query Open($id: UUID!) {
  findings: allFindings(
    first: 50, orderBy: [LAST_SEEN_AT_DESC, ROW_ID_DESC], condition: {tenantId: $id, suppressedBy: null}
  ) {
    nodes {
      id: rowId kind fingerprint changeType severity severityReasons status isCurrent changeCount firstSeenAt lastSeenAt
      version scope: scopeByTenantIdAndScopeId { key label }
      currentRun: syncRunByTenantIdAndCurrentRunId { sequence: seq status finishedAt }
    }
  }
}"""


@dataclass(frozen=True, slots=True)
class Peer:
    """The script of a server, and the word that it takes after its setting; `generated` where its schema is."""

    script: str
    word: str = ""
    generated: bool = False


PEERS: Mapping[str, Peer] = {
    "PostGraphile 5": Peer("postgraphile.cjs", generated=True),
    "Mercurius with JIT, joined by hand": Peer("mercurius.cjs", "joined"),
    "Mercurius with JIT, loaders": Peer("mercurius.cjs", "loaders"),
}


def chosen(only: Sequence[str] | None, house: Sequence[str]) -> tuple[Sequence[str], str]:
    """Who is measured: those named, or all who can be; and what is to be said of the others, where some cannot be.

    Raises `SystemExit` where somebody is named who is unknown, or whom npm cannot install.
    """
    if unknown := [name for name in only or () if name not in {*house, *PEERS}]:
        raise SystemExit(f"There is no contender {unknown[0]!r}. There are: {'; '.join((*house, *PEERS))}.")
    if only and not any(name in PEERS for name in only):
        return only, ""
    try:
        modules(FOLDER)
    except NotInstalledError as error:
        told = f"{error}\nSo {', '.join(PEERS)} cannot be measured here."
        if only:
            raise SystemExit(told) from error
        return house, told
    return only or (*house, *PEERS), ""


def main() -> NoReturn:
    """Replaces this process, with the core that it was given, by Node with the server that its setting names."""
    setting = json.loads(sys.argv[1])
    if setting["core"] is not None:
        os.sched_setaffinity(0, {setting["core"]})
    peer, url = PEERS[setting["name"]], make_url(setting["database_url"])
    host = url.query.get("host", url.host)
    database = {"host": host, "port": int(url.query.get("port", url.port or 5432)), "user": url.username}
    given = {
        "database": database | {"password": url.password, "database": url.database},
        "tenant": setting["tenant"],
        "principal": setting["principal"],
    }
    environment = {"NODE_PATH": str(modules(FOLDER)), "NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    os.execve(NODE, [str(NODE), str(FOLDER / peer.script), json.dumps(given), peer.word], environment)  # noqa: S606


def body(name: str, tenant: str) -> dict[str, Any] | None:
    """What a server with a schema of its own making is asked; None for everybody else."""
    if name in PEERS and PEERS[name].generated:
        return {"query": _GENERATED, "variables": {"id": tenant}}
    return None


def answer(name: str, tenant: str, data: dict[str, Any]) -> dict[str, Any]:
    """What was answered, in Atlas's form: ids that name the type and tenant, times that end in Z."""
    if body(name, tenant) is None:
        return data
    nodes = []
    for node in data["findings"]["nodes"]:
        times = {key: _time(node[key]) for key in _TIMES}
        run = node["currentRun"] | {"finishedAt": _time(node["currentRun"]["finishedAt"])}
        id_ = encode_id("Finding", UUID(tenant), UUID(node["id"]))
        nodes.append(node | times | {"id": id_, "currentRun": run})
    return {"tenant": {"findings": {"nodes": nodes}}}


def _time(value: str) -> str:
    return f"{value.removesuffix('+00:00')}Z"


if __name__ == "__main__":
    main()
