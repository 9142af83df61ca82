"""`atlas keys`: the deployment key, from which the keys of tenants are derived."""

import typer

from atlas.cli.options import Home, Json
from atlas.cli.output import print_json, say

app = typer.Typer(help="The key that every tenant's key is derived from.", no_args_is_help=True)


@app.command("rotate")
def rotate(home: Home = None, as_json: Json = False) -> None:
    """Puts a fresh key into the key file and keeps the old one beside it, so that old digests stay comparable."""
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
    if as_json:
        print_json({"file": where, "previousKeys": kept})
        return
    say(f"A fresh key is in {where}; {kept} earlier kept beside it. The next sync of each scope goes over to it.")
    say("Keep both files together and backed up: what was recorded under a lost key cannot be compared.", error=True)
