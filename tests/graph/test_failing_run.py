"""Runs that fail, in every way that words of Graph could come in by: none of them, and no secret, is anywhere after."""

from pathlib import Path
from uuid import uuid4

import pytest

from atlas.local import services
from tests.cli.conftest import Up
from tests.factories import make_policy
from tests.graph.authority import Authority
from tests.graph.conftest import CATALOG
from tests.graph.standin import Fault, StandIn, Tenant, malformed, status
from tests.graph.test_canaries import BODY, EFFECTS, LINK
from tests.secrets.places import of_broker, of_database, of_files
from tests.secrets.search import Hunted, Place, search

SCRIPTS = "deviceManagement/deviceManagementScripts"
TYPES = ("--types", "configurationPolicy,deviceManagementScript")
# What comes back at once: to be throttled takes long, and is told by the same lines.
QUICK = ("400", "403", "404", "500", "301", "licence", "link", "strange", "not_text", "twice", "malformed", "loop")


@pytest.fixture
def tenant() -> Tenant:
    """Two pages each, of which the first is staged before the second breaks."""
    scripts = [{"id": f"s{one}", "displayName": f"Script {one}", "scriptContent": BODY} for one in range(4)]
    policies = (make_policy(one, settingCount=1, isAssigned=False, description=BODY) for one in range(4))
    return Tenant().add(CATALOG, *policies).add(SCRIPTS, *scripts)


async def test_no_run_that_fails_leaves_a_secret_or_a_word_of_graph(
    connected: Up, microsoft: tuple[Authority, StandIn], tenant: Tenant, tmp_path: Path
) -> None:
    authority, graph = microsoft
    atlas, secret, told = connected.atlas, tmp_path / "secret", list[str]()
    secret.write_text(authority.secret)
    atlas.run("tenant", "create", "failing")
    connecting = ("graph", "connect", "--tenant", "failing", "--entra-tenant-id", uuid4(), "--client-id", uuid4())
    atlas.run(*connecting, "--secret-file", secret)
    graph.tenant, graph.page_by = tenant, 2

    def sync(*words: str, exit_code: int) -> None:
        ended = atlas.run("sync", "graph", "--tenant", "failing", *words, exit_code=exit_code)
        told.extend((ended.stdout, ended.stderr))

    for name in QUICK:
        graph.faults = [Fault("." if name == "link" else "skiptoken|s[0-9]", EFFECTS[name])]
        sync(*TYPES, exit_code=1)
    # What is read beside the types, and the sign-in itself.
    graph.faults = [Fault("^groups|Settings/|auditEvents", status(403, code=BODY, message=BODY))]
    sync(*TYPES, exit_code=0)
    graph.faults = [Fault("^groups|Settings/|auditEvents", malformed)]
    sync(*TYPES, exit_code=0)
    authority.refusal = (401, f"AADSTS7000222: {BODY} of someone@contoso.example")
    try:
        sync(*TYPES, exit_code=1)
        refused = atlas.refused("graph", "probe", "--tenant", "failing")
    finally:
        authority.refusal = None
    assert "AADSTS7000222" in told[-1]
    told.append(str(refused))

    with services(atlas.home) as running:
        places = [
            *await of_database(running),
            *of_broker(running, "after the runs"),
            *of_files("broker's file", atlas.home / "valkey", lines=True),
            *of_files("log", atlas.home / "log", lines=True),
            Place("log of atlas up", atlas.log.read_bytes().split(b"\n")),
            Place("what the commands said", [text.encode() for text in told]),
        ]
    hunted = {"the client secret": authority.secret, "the token": graph.token, "a body": BODY, "a link": LINK}
    assert search(places, Hunted((), hunted)) == []
    # The search finds what is there: the reason in the row, in the log and on the screen.
    found = {hit.place for hit in search(places, Hunted((), {"why": "SIGN_IN_REFUSED"}))}
    assert {"table sync_runs.error_code", "log of atlas up", "what the commands said"} <= found, found
