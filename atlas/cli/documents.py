"""`atlas documents`: the operations that the clients of this deployment were built with."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from atlas.cli.options import Home, Json
from atlas.cli.output import print_json, row, say, stdout, table

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

app = typer.Typer(help="Trusted documents: operations that are asked for by their id.", no_args_is_help=True)

_TOLD = 5


@app.command("load")
def load(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            show_default=False,
            help="JSON of ids and documents, as graphql-codegen and relay-compiler write it.",
        ),
    ],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Registers the documents of a file, over ATLAS_OWNER_DATABASE_URL. All or nothing; one that is there stays."""
    from atlas.store import documents as store

    bodies = _checked(file)

    async def work(connection: "AsyncConnection") -> list[str]:
        known = await store.known(connection, list(bodies))
        changed = [name for name, body in known.items() if body != bodies[name]]
        if changed:
            raise _unusable(dict.fromkeys(changed, "Another document has this id. Remove it first."))
        return await store.add(connection, bodies)

    added = _on_owner(home, work)
    if as_json:
        print_json({"added": added, "documents": len(bodies)})
    else:
        say(f"Registered {len(added)} of {len(bodies)} documents; the rest was there already")


@app.command("list")
def list_(home: Home = None, as_json: Json = False) -> None:
    """Lists the trusted documents, over ATLAS_OWNER_DATABASE_URL."""
    from atlas.schema.documents import sha256
    from atlas.store import documents as store

    found = _on_owner(home, store.documents)
    if as_json:
        print_json([{"id": one.id, "sha256": sha256(one.body), "document": one.body} for one in found])
        return
    made = table("ID", "DOCUMENT", "LOADED")
    for one in found:
        row(made, one.id, " ".join(one.body.split())[:60], one.loaded_at.isoformat()[:19])
    stdout().print(made)


@app.command("remove")
def remove(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID...", show_default=False, help="Their ids (`atlas documents list`).")
    ],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Takes documents back, over ATLAS_OWNER_DATABASE_URL. API processes take them no longer within five seconds."""
    from atlas.domain.errors import OperatorError
    from atlas.store import documents as store

    async def work(connection: "AsyncConnection") -> list[str]:
        return await store.remove(connection, ids)

    gone = _on_owner(home, work)
    if as_json:
        print_json({"removed": gone})
    else:
        say(f"Removed {len(gone)} documents")
    if set(ids) - set(gone):
        raise OperatorError("NO_DOCUMENT", "Some of these ids are not registered.", "See: atlas documents list")


def _checked(file: Path) -> dict[str, str]:
    """The documents of a file. Raises `OperatorError` where one of them cannot be trusted."""
    from atlas.domain.errors import OperatorError
    from atlas.schema.documents import complaints
    from atlas.schema.root import schema

    mend = "Name the JSON file of {id: document} that the client's build wrote."
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise OperatorError("NO_FILE", f"The file cannot be read: {error.strerror}.", mend) from error
    except ValueError as error:
        raise OperatorError("NOT_JSON", "The file is not JSON in UTF-8.", mend) from error
    if not isinstance(found, dict) or not all(isinstance(body, str) for body in found.values()):
        raise OperatorError("NO_DOCUMENTS", "The file is not an object of ids and documents.", mend)
    wrong = complaints(schema._schema, found)  # noqa: SLF001
    if wrong:
        raise _unusable(wrong)
    return found


def _unusable(wrong: dict[str, str]) -> Exception:
    from atlas.domain.errors import OperatorError

    told = "; ".join(f"{name[:70]}: {why}" for name, why in list(wrong.items())[:_TOLD])
    more = f" And {len(wrong) - _TOLD} more." if len(wrong) > _TOLD else ""
    return OperatorError(
        "BAD_DOCUMENTS", f"Nothing was registered. {told}{more}", "Build the client against this schema: atlas schema"
    )


def _on_owner(home: Path | None, work: Callable[["AsyncConnection"], Awaitable[T]]) -> T:
    import asyncio

    from atlas.cli.caller import pool
    from atlas.cli.place import opened

    async def run(url: str) -> T:
        async with pool(url) as owner, owner.transaction() as connection:
            return await work(connection)

    with opened(home) as place:
        return asyncio.run(run(place.url("owner_database")))
