"""A worker that is killed in the middle of a sync: the next one goes on, and nothing secret is left anywhere."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import orjson

from atlas.local import Services, services
from tests.cli.conftest import Up, family
from tests.factories import make_policy
from tests.graph.authority import Authority
from tests.graph.conftest import CATALOG
from tests.graph.standin import Fault, StandIn, Tenant, hang
from tests.secrets.places import of_broker, of_database, of_files, superuser
from tests.secrets.search import Hunted, Place, search

WORDS = "canary-of-a-description-7f3b"
POLICIES = 12


def worker_of(up: Up) -> int:
    (found,) = (one for one in family(up.process) if one.cmdline()[-1:] == ["worker"])
    return found.pid


def until(happens: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_kill_9_in_the_middle_of_a_sync_loses_and_doubles_nothing_and_leaves_no_secret(
    connected: Up, microsoft: tuple[Authority, StandIn], tmp_path: Path
) -> None:
    authority, graph = microsoft
    atlas, secret = connected.atlas, tmp_path / "secret"
    secret.write_text(authority.secret)
    atlas.run("tenant", "create", "killed")
    connecting = ("graph", "connect", "--tenant", "killed", "--entra-tenant-id", uuid4(), "--client-id", uuid4())
    atlas.run(*connecting, "--secret-file", secret)
    graph.tenant = Tenant().add(
        CATALOG, *(make_policy(one, settingCount=1, isAssigned=False, description=WORDS) for one in range(POLICIES))
    )
    graph.page_by = 5
    stuck = Fault(rf"{CATALOG}\?.*skiptoken=5", hang, times=1)
    graph.faults[:] = [stuck]
    types = "assignmentFilter,configurationPolicy,roleScopeTag"
    syncing = atlas.start("sync", "graph", "--tenant", "killed", "--types", types, "--json")
    until(lambda: stuck.hits)
    os.kill(worker_of(connected), signal.SIGKILL)
    told, _ = syncing.communicate(timeout=90)
    assert syncing.returncode == 0, told
    run = orjson.loads(told)
    assert (run["status"], run["sequence"], run["counts"]["added"]) == ("SUCCEEDED", 1, POLICIES)
    assert [one["observed"] for one in run["coverage"]] == [0, POLICIES, 0]
    assert len(graph.paths("assignmentFilters")) == 1, "what was read before is not read again"

    with services(atlas.home) as running:
        assert await _counted(running) == {"item_intervals": POLICIES, "staged_items": 0, "sync_runs": 1}
        places = [
            *await of_database(running),
            *of_broker(running, "after the sync"),
            *of_files("broker's file", atlas.home / "valkey", lines=True),
            *of_files("log", atlas.home / "log", lines=True),
            Place("log of atlas up", atlas.log.read_bytes().split(b"\n")),
        ]
    hunted = {"the client secret": authority.secret, "the token": graph.token, "what a policy says": WORDS}
    assert search(places, Hunted((), hunted)) == []
    # The search would find what is there: the name of a policy is shown.
    assert search(places, Hunted((), {"a name": "Policy 11"}))


async def _counted(running: Services) -> dict[str, int]:
    connection = await superuser(running)
    try:
        tenant = await connection.fetchval("select id from atlas.tenants where name = 'killed'")
        query = "select count(*) from atlas.{} where tenant_id = $1"
        names = ("item_intervals", "staged_items", "sync_runs")
        return {name: await connection.fetchval(query.format(name), tenant) for name in names}
    finally:
        await connection.close()
