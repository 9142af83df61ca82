"""The command line `atlas`: one module a group of commands, each a thin caller of the use cases and of GraphQL."""

import gc
import sys


def main() -> None:
    """Runs the command that the arguments name. Exit codes: 0 ok, 1 error, 2 usage, 3 partial, 130 interrupted."""
    # A command makes many objects that stay, when it is loaded: looking through them for garbage takes a tenth of it.
    gc.set_threshold(50_000, 20, 20)
    from atlas.cli.commands import app
    from atlas.cli.failures import report

    try:
        app(prog_name="atlas")
    except Exception as error:  # noqa: BLE001  # Whatever it was, a person gets a line and not a trace.
        sys.exit(report(error, as_json="--json" in sys.argv[1:]))
