"""The whole job, from the first page to the recording, holds no more of a large tenant than of a small one."""

import re
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.conftest import Up, family
from tests.graph.authority import Authority
from tests.graph.conftest import CATALOG
from tests.graph.standin import MadeUp, StandIn, Tenant

SETTINGS = 10


def peak_of_worker(up: Up) -> int:
    """The most memory that the worker's process ever had, in KiB."""
    (worker,) = (one for one in family(up.process) if one.cmdline()[-1:] == ["worker"])
    told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker.pid}/status").read_text())
    assert told is not None
    return int(told[1])


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of another process is read from /proc")
def test_eight_times_the_policies_take_hardly_more_memory_of_the_worker(
    connected: Up, microsoft: tuple[Authority, StandIn], tmp_path: Path
) -> None:
    authority, graph = microsoft
    secret, peaks = tmp_path / "secret", list[int]()
    secret.write_text(authority.secret)
    for policies in (150, 1_200):
        name = f"large-{policies}"
        connected.atlas.run("tenant", "create", name)
        connecting = ("graph", "connect", "--tenant", name, "--entra-tenant-id", uuid4(), "--client-id", uuid4())
        connected.atlas.run(*connecting, "--secret-file", secret)
        graph.tenant = Tenant({CATALOG: MadeUp(policies, SETTINGS)})
        graph.asked.clear()
        run = connected.atlas.json("sync", "graph", "--tenant", name, "--types", "configurationPolicy")
        assert (run["status"], run["counts"]["added"]) == ("SUCCEEDED", policies)
        inventory = len(graph.paths(CATALOG))
        assert inventory / policies < 0.1
        # What the policies name is asked for once, however many name it: 97 groups, and each setting in three places.
        assert len(graph.asked) - inventory < 97 + 3 * SETTINGS + 5
        peaks.append(peak_of_worker(connected))
    # What came more is some ten MiB as text, and several times that as objects of Python.
    assert peaks[1] - peaks[0] < 12 * 1024
