"""`atlas keys`: the deployment key, from which the keys of tenants are derived."""

import asyncio
from typing import TYPE_CHECKING

import typer

from atlas.cli.options import Home, Json
from atlas.cli.output import print_json, say

if TYPE_CHECKING:
    from atlas.cli.place import Place

app = typer.Typer(help="The key that every tenant's key is derived from.", no_args_is_help=True)


@app.command("rotate")
def rotate(home: Home = None, as_json: Json = False) -> None:
    """Puts a fresh key into the key file, keeps the old one beside it, and seals stored credentials anew."""
    from atlas import keys
    from atlas.cli.place import opened
    from atlas.domain.errors import OperatorError

    with opened(home) as place:
        if place.key_file is None:
            raise OperatorError(
                "NO_KEY_FILE",
                "The deployment key comes from ATLAS_SECRET_KEY, which this command cannot change.",
                "Move the key into a file and name it with ATLAS_SECRET_KEY_FILE.",
            )
        kept = keys.rotate(place.key_file)
        where = str(place.key_file)
        # Where only the key is at hand, the credentials are sealed anew by a command of its own.
        reachable = place.known_url("owner_database") is not None
        renewed, closed = asyncio.run(_seal_anew(place)) if reachable else (0, 0)
    if as_json:
        sealed = {"sealedAnew": renewed, "notOpened": closed} if reachable else {}
        print_json({"file": where, "previousKeys": kept, **sealed})
        return
    say(f"A fresh key is in {where}; {kept} earlier kept beside it. The next sync of each scope goes over to it.")
    if reachable:
        _tell(renewed, closed)
    else:
        say("Credentials stay sealed under the old key until `atlas keys reseal` is run.", style="yellow")
    say("An API of a deployment goes on with the new key that `atlas keys sealing` prints.")
    say("Keep both files together and backed up: what was recorded under a lost key cannot be compared.", error=True)


@app.command("reseal")
def reseal(home: Home = None, as_json: Json = False) -> None:
    """Seals the credentials that are sealed under an earlier key under the present one."""
    from atlas.cli.place import opened

    with opened(home) as place:
        renewed, closed = asyncio.run(_seal_anew(place))
    if as_json:
        print_json({"sealedAnew": renewed, "notOpened": closed})
    else:
        _tell(renewed, closed)


@app.command("sealing")
def sealing(home: Home = None, as_json: Json = False) -> None:
    """Prints what an API without the key seals secrets with: its ATLAS_SEALING_KEY. It opens nothing."""
    from atlas.cli.place import opened
    from atlas.sealing import sealing_key

    with opened(home) as place:
        key = str(sealing_key(place.deployment_key()))
    if as_json:
        print_json({"sealingKey": key})
    else:
        say(key)


async def _seal_anew(place: "Place") -> tuple[int, int]:
    from atlas import connections
    from atlas.cli.caller import pool

    async with pool(place.url("owner_database")) as owner:
        return await connections.seal_anew(owner, place.deployment_key(), place.previous_keys())


def _tell(renewed: int, closed: int) -> None:
    say(f"{renewed} credential(s) sealed anew under the present key.")
    if closed:
        say(f"{closed} opened with none of the keys: connect again, `atlas graph remove` and `atlas graph connect`.")
