"""`python -m bench graph`: memory and requests of reading a tenant from Graph, against the stand-in of the tests."""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from atlas.domain.canonical import canonical_item
from atlas.domain.keys import derive_tenant_key
from atlas.sources.graph.client import open_client
from atlas.sources.graph.contracts import CONTRACTS
from atlas.sources.graph.reading import read_type
from atlas.sources.model import SourceObject
from tests.graph.standin import MadeUp, Tenant, serving

POLICIES = (500, 2_000)
SETTINGS = 40
WINDOW, HALF = 20, 500
# The most that memory may grow from the fewest policies to the most: a page is what is held, and no tenant.
GROWTH = 1.15
_KEY = derive_tenant_key(b"the key of the benchmark, no secret", UUID(int=1))


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policies", type=int, nargs="+", default=list(POLICIES))
    parser.add_argument("--settings", type=int, default=SETTINGS)


def run(given: argparse.Namespace) -> None:
    shown = Table(
        title=f"Settings Catalog policies of {given.settings} settings: read, brought into their form, let go",
        title_justify="left",
    )
    for column in ("policies", "seconds", "requests", "an object", f"most in {WINDOW} s", "MB before", "MB at most"):
        shown.add_column(column, justify="right")
    peaks: dict[int, float] = {}
    for number in given.policies:
        with serving(Tenant({CONTRACTS["configurationPolicy"].paths[0]: MadeUp(number, given.settings)})) as graph:
            told = measured(graph.url, graph.token)
            asked, most = len(graph.asked), graph.most_in(WINDOW)
        if told["status"] != "COMPLETE" or told["observed"] != number or most > HALF:
            raise AssertionError(f"what was read is not what there is: {told}, {most} requests in {WINDOW} s")
        peaks[number] = told["peak"]
        figures = (told["seconds"], asked, asked / number, most, told["before"], told["peak"])
        shown.add_row(f"{number:,}", *(f"{one:,.3f}" if one < 1 else f"{one:,.0f}" for one in figures))
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(shown)
    few, many = min(peaks), max(peaks)
    grown = peaks[many] / peaks[few]
    console.print(f"At most: {peaks[few]:.1f} MB for {few:,}, {peaks[many]:.1f} MB for {many:,}: {grown:.2f} of it")
    if grown > GROWTH:
        raise AssertionError(f"memory grows with the tenant: {grown:.2f} of it, and {GROWTH} is allowed")


def measured(url: str, token: str) -> dict[str, Any]:
    """What a process of its own, which does nothing else, tells of reading all policies at `url`."""
    done = subprocess.run([sys.executable, "-m", "bench.graph", url, token], capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def _read(url: str, token: str) -> dict[str, Any]:
    async def bearer() -> str:
        return token

    async def let_go(objects: Sequence[SourceObject]) -> None:
        for one in objects:
            canonical_item(one.item_type, one.raw, _KEY, one.external_id)

    before, began = _megabytes(), time.monotonic()
    async with open_client(url, bearer) as client:
        unit = await read_type(client, CONTRACTS["configurationPolicy"], emit=let_go)
    spent = time.monotonic() - began
    return {
        "status": unit.status, "observed": unit.observed, "seconds": spent, "before": before, "peak": _megabytes(),
    }  # fmt: skip


def _megabytes() -> float:
    """The most memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        # What the system says of resources remembers the process that started this one.
        return float(status.read_text("ascii").partition("VmHWM:")[2].split()[0]) / 1024
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes / (1024 if sys.platform != "darwin" else 1024 * 1024)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_read(sys.argv[1], sys.argv[2]))))
