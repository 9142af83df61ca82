"""`atlas db`: roles, migrations, and whether the database is what this release made."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from atlas.cli.options import Home, Json
from atlas.cli.output import print_json, row, say, stdout, table

if TYPE_CHECKING:
    from atlas.cli.place import Place, UrlName

T = TypeVar("T")

app = typer.Typer(help="Roles, migrations, and whether the database is what this release made.", no_args_is_help=True)

_ROLES: dict[str, "UrlName"] = {
    "atlas_owner": "owner_database",
    "atlas_api": "database",
    "atlas_worker": "worker_database",
    "atlas_sweeper": "sweeper_database",
}


@app.command("bootstrap")
def bootstrap(home: Home = None, as_json: Json = False) -> None:
    """Makes the roles and the database, over ATLAS_SUPERUSER_DATABASE_URL, with the passwords of the other URLs."""
    from atlas.cli.place import opened
    from atlas.store import bootstrap as store

    with opened(home, prepared=False) as place:
        passwords, database = _named_by_urls(place)
        made = asyncio.run(store.bootstrap(place.url("superuser_database"), passwords, database=database))
    if as_json:
        print_json({"made": made})
    else:
        say(f"Made {', '.join(made)}" if made else "Everything is there already")


@app.command("upgrade")
def upgrade(home: Home = None, as_json: Json = False) -> None:
    """Runs the migrations that are missing, over ATLAS_OWNER_DATABASE_URL."""
    from atlas.store import migrations

    reached = _on_owner(home, migrations.upgrade)
    if as_json:
        print_json({"revision": reached})
    else:
        say(f"The database stands at migration {reached}")


@app.command("check")
def check(home: Home = None, as_json: Json = False) -> None:
    """Compares migrations, policy lint and models with the database, over ATLAS_OWNER_DATABASE_URL."""
    from atlas.store import check as store

    offences = _on_owner(home, store.check)
    if as_json:
        print_json([{"rule": one.rule, "object": one.object, "mend": one.mend} for one in offences])
    elif offences:
        made = table("RULE", "OBJECT", "MEND")
        for one in offences:
            row(made, one.rule, one.object, one.mend)
        stdout().print(made)
    else:
        say("The database is what this release made", style="green")
    if offences:
        raise typer.Exit(1)


def _on_owner(home: Path | None, work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    from atlas.cli.place import opened

    with opened(home) as place:
        return asyncio.run(work(place.url("owner_database")))


def _named_by_urls(place: "Place") -> tuple[dict[str, str], str]:
    """The passwords by role, and the database, as the URLs of the deployment give them."""
    from sqlalchemy import make_url

    from atlas.domain.errors import OperatorError
    from atlas.store.bootstrap import DATABASE

    passwords: dict[str, str] = {}
    databases: set[str] = set()
    for role, name in _ROLES.items():
        url = place.known_url(name)
        if url is None:
            continue
        parsed = make_url(url)
        if parsed.username == role and parsed.password:
            passwords[role] = str(parsed.password)
        if parsed.database:
            databases.add(parsed.database)
    if len(databases) > 1:
        raise OperatorError(
            "SEVERAL_DATABASES", f"The URLs name several databases: {', '.join(sorted(databases))}.", "Name one."
        )
    return passwords, next(iter(databases), DATABASE)
