"""A server of its own process, for tests that end it: prints its port once it takes connections."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from atlas.app import create_app, serve
from atlas.logs import configure
from atlas.schema.root import schema
from atlas.store.database import open_database


async def main(url: str) -> None:
    async def nothing(_jobs: Sequence[Any] = ()) -> None: ...

    db = open_database(url)
    app = create_app(db=db, schema=schema, dispatch=nothing, broker_ping=nothing)
    await serve(app, port=0, started=lambda port: print(port, flush=True))  # noqa: T201
    await db.close()


configure("json")
asyncio.run(main(sys.argv[1]))
