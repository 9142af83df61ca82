"""The places: each column of each table, the broker's memory and file, each log, and the files of the database."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import redis

from atlas.local import Services
from atlas.store.bootstrap import connect
from tests.secrets.house import House
from tests.secrets.search import Place

_TABLES = """select n.nspname || '.' || quote_ident(c.relname), c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema') order by 1"""


async def of_database(services: Services) -> list[Place]:
    """Every column of every table, read by the superuser, whom no policy hides a row from."""
    places = []
    connection = await superuser(services)
    try:
        for table, name in await connection.fetch(_TABLES):
            rows = await connection.fetch(f"select * from {table}")
            for column in dict(rows[0]) if rows else ():
                parts = [part for row in rows for part in _parts(row[column])]
                places.append(Place(f"table {name}.{column}", parts))
        sessions = await connection.fetch("select query from pg_stat_activity where pid <> pg_backend_pid()")
        places.append(Place("statements of sessions", [part for row in sessions for part in _parts(row[0])]))
    finally:
        await connection.close()
    return places


async def superuser(services: Services) -> asyncpg.Connection:
    return await connect(services.superuser_database_url, database="atlas")


def _parts(value: Any) -> Iterable[bytes]:
    if value is None:
        return []
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, list | tuple):
        return [part for one in value for part in _parts(one)]
    return [str(value).encode()]


def of_broker(services: Services, when: str) -> list[Place]:
    """What Valkey holds in memory now, by key."""
    client = redis.Redis.from_url(services.broker_url)
    try:
        return [
            Place(f"broker {key.decode()} {when}", [key, *_values(client, key)]) for key in sorted(client.scan_iter())
        ]
    finally:
        client.close()


def _values(client: redis.Redis, key: bytes) -> list[bytes]:
    kind = client.type(key).decode()
    if kind == "string":
        return [client.get(key)]
    if kind == "hash":
        return [part for pair in client.hgetall(key).items() for part in pair]
    if kind == "list":
        return list(client.lrange(key, 0, -1))
    if kind == "set":
        return list(client.smembers(key))
    if kind == "zset":
        return list(client.zrange(key, 0, -1))
    raise NotImplementedError(f"the search does not read a {kind}")


def of_files(kind: str, folder: Path, *, lines: bool = False) -> list[Place]:
    """Each file beneath a folder, whole or line by line; one that a server removes meanwhile is gone."""
    found = []
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError, IsADirectoryError):
            content = path.read_bytes()
            parts = content.split(b"\n") if lines else [content]
            found.append(Place(f"{kind} {path.relative_to(folder)}", parts))
    return found


def of_house(house: House) -> list[Place]:
    """What the broker and every process wrote onto the disk."""
    home = house.folder / "home"
    return [
        *of_files("broker's file", home / "valkey", lines=True),
        *of_files("log", home / "log", lines=True),
        *of_files("log", house.logs, lines=True),
    ]


def size_of(places: Iterable[Place]) -> tuple[int, int, int]:
    """How many places, parts and bytes."""
    listed = list(places)
    return len(listed), sum(len(place.parts) for place in listed), sum(place.size for place in listed)
