"""`atlas schema`: the contract, as the server would serve it."""

import sys

from atlas.cli.options import Json


def schema(as_json: Json = False) -> None:
    """Prints the GraphQL schema (SDL); with --json the result of its introspection."""
    from atlas.schema import root

    if as_json:
        from atlas.cli.output import print_json

        print_json(root.introspection())
    else:
        sys.stdout.write(root.sdl())
