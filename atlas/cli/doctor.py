"""`atlas doctor`: says what is wrong with this installation, and the mend."""

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from atlas.cli.options import Home, Json
from atlas.cli.output import print_json, row, say, stdout, table

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.cli.checks import Check
    from atlas.cli.place import Place

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(home: Home = None, as_json: Json = False) -> None:
    """Says what is wrong with this installation, and the mend. Starts the embedded services where none run."""
    checks = _examined(home)
    if as_json:
        print_json([{"name": one.name, "state": one.state, "message": one.message, "mend": one.mend} for one in checks])
    else:
        _show(checks)
    if any(one.state == "fail" for one in checks):
        raise typer.Exit(1)


def _examined(home: "Path | None") -> "list[Check]":
    """All checks, in an order in which the first that fails explains those behind it."""
    from atlas.cli import checks
    from atlas.cli.place import opened

    found = [checks.python(), checks.packages()]
    with ExitStack() as stack:
        # What keeps the place from opening is a finding, and not the end of the examination.
        try:
            place = stack.enter_context(opened(home))
        except Exception as error:  # noqa: BLE001
            return [*found, *checks.binaries(home), checks.failed("services", error)]
        if place.embedded:
            found += checks.binaries(home)
        return [*found, *checks.of_home(place), *_of_services(place)]


def _of_services(place: "Place") -> "list[Check]":
    from atlas.cli import checks
    from atlas.cli.place import configure_logs

    configure_logs(place)
    return asyncio.run(checks.of_services(place))


def _show(checks: "list[Check]") -> None:
    from rich.text import Text

    made = table("CHECK", "", "WHAT", "MEND")
    for one in checks:
        row(made, one.name, Text(one.state, style=_STYLES[one.state]), one.message, one.mend)
    stdout().print(made)
    counts = {state: sum(one.state == state for one in checks) for state in _STYLES}
    say(f"{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} wrong", style=_worst(counts))


def _worst(counts: dict[str, int]) -> str:
    return _STYLES["fail" if counts["fail"] else "warn" if counts["warn"] else "ok"]
