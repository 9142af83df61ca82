"""`atlas up`, `down`, `api` and `worker`: the processes that stay."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.cli.options import Home, Json
from atlas.cli.output import print_json, say

if TYPE_CHECKING:
    from atlas.cli.place import Place

Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")]


def up(host: Host = "127.0.0.1", port: Port = 8000, home: Home = None, as_json: Json = False) -> None:
    """Serves the API, with a worker beside it, until Ctrl-C; on the embedded services where no URLs are set."""
    from atlas.cli.place import configure_logs, opened
    from atlas.cli.server import listening, serve

    with opened(home) as place:
        configure_logs(place, quiet=False)
        refuse_second(place)
        with listening(host, port) as listener:
            serve(place, listener, host=host, with_worker=True, as_json=as_json)


def down(home: Home = None, as_json: Json = False) -> None:
    """Stops the embedded services of this home, and whoever runs them."""
    from atlas import local
    from atlas.cli.place import home_folder

    folder = home_folder(home)
    stopped = local.stop(folder)
    if as_json:
        print_json({"home": str(folder), "stopped": stopped})
    else:
        say(f"Stopped the services of {folder}" if stopped else f"Nothing runs in {folder}")


def api(host: Host = "0.0.0.0", port: Port = 8000, home: Home = None, as_json: Json = False) -> None:  # noqa: S104  # A deployment's process listens to its network.
    """Serves the API of a deployment; refuses to where the role or the database would not keep tenants apart."""
    from atlas.cli.place import configure_logs
    from atlas.cli.server import listening, serve

    place = deployment(home)
    configure_logs(place, quiet=False)
    with listening(host, port) as listener:
        serve(place, listener, host=host, with_worker=False, as_json=as_json)


def worker(home: Home = None, as_json: Json = False) -> None:
    """Works off the queue of a deployment; refuses to where the role or the database would not keep tenants apart."""
    import asyncio

    from atlas.cli.place import configure_logs, worker_settings
    from atlas.cli.server import check_worker
    from atlas.workers.runtime import run_until_stopped

    place = deployment(home)
    configure_logs(place, quiet=False)
    settings = worker_settings(place)
    asyncio.run(check_worker(place))
    if as_json:
        print_json({"threads": settings.threads})
    run_until_stopped(settings)


def deployment(home: Path | None) -> "Place":
    """The place of a process that finds its services by URLs only."""
    from atlas.cli.place import Place, home_folder
    from atlas.settings import Settings

    return Place(home_folder(home), Settings(), None)


def refuse_second(place: "Place") -> None:
    """Raises `OperatorError` where this home is up already."""
    from atlas.domain.errors import OperatorError

    url = place.http_url()
    if url is not None:
        raise OperatorError("ALREADY_UP", f"This home is up already, at {url}.", "Use it, or stop it: atlas down")
