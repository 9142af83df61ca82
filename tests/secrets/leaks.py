"""Leaks on purpose: a canary in each spelling into each kind of place, as a careless line of code would leave it."""

import base64
import zlib
from collections.abc import Callable, Mapping

import asyncpg
import orjson
import redis

from tests.secrets.asking import Asker
from tests.secrets.canaries import Mint
from tests.secrets.house import House
from tests.secrets.life import Inhabitant
from tests.secrets.places import superuser

SPELLED: Mapping[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "UTF-8 in the middle": lambda text: f"before {text} after".encode(),
    "UTF-16LE": lambda text: text.encode("utf-16-le"),
    "UTF-16BE": lambda text: text.encode("utf-16-be"),
    "UTF-16 with a mark": lambda text: text.encode("utf-16"),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64, one byte on": lambda text: base64.b64encode(b"?" + text.encode() + b"???"),
    "base64, two bytes on": lambda text: base64.b64encode(b"??" + text.encode() + b"??"),
    "base64url": lambda text: base64.urlsafe_b64encode(b"\xff\xfe" + text.encode()).rstrip(b"="),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")),
    "base64 of base64": lambda text: base64.b64encode(base64.b64encode(text.encode())),
    "base64 of compressed": lambda text: base64.b64encode(zlib.compress(text.encode())),
    "hex": lambda text: text.encode().hex().encode(),
    "HEX": lambda text: text.encode().hex().upper().encode(),
    "hex of UTF-16": lambda text: text.encode("utf-16-be").hex().encode(),
    "JSON": lambda text: orjson.dumps({"a": [{"b": text}]}),
    "JSON escapes": lambda text: ('"' + "".join(f"\\u{ord(one):04x}" for one in text) + '"').encode(),
    "percent": lambda text: "".join(f"%{ord(one):02X}" for one in text).encode(),
    "upper case": lambda text: text.upper().encode(),
    "the first half": lambda text: text[: len(text) // 2].encode(),
    "the last half": lambda text: text[len(text) // 2 :].encode(),
}

# Where each kind of place shows up in the search.
PLACES = {
    "a text": "table scopes.label",
    "a text in an array": "table scopes.item_types",
    "a JSON column": "table scopes.selection",
    "bytes": "table contents.body",
    "compressed bytes": "table contents.body",
    "bytes compressed twice": "table contents.body",
    "the broker's memory": "broker leak",
    "the broker's file": "broker's file",
    "the log of a process": "log api.log",
    "the log of PostgreSQL": "log postgres.log",
    "an answer": "answer",
}
# PostgreSQL takes no U+0000 in a text, so UTF-16 cannot come to rest there.
_TEXTS = frozenset({"a text", "a text in an array", "a JSON column", "the log of PostgreSQL"})

CASES = [
    (spelling, place)
    for spelling, spell in SPELLED.items()
    for place in PLACES
    if not (place in _TEXTS and b"\0" in spell("text"))
]

_SCOPE = """insert into atlas.scopes (tenant_id, key, source, selection, label, item_types)
    values ($1, 'leak ' || gen_random_uuid(), 'FOLDER', $2::jsonb, $3, $4::text[])"""
_CONTENT = "insert into atlas.contents (tenant_id, hash, body) values ($1, 'leak ' || gen_random_uuid(), $2)"
_LOG = "do $$ begin raise log '%', current_setting('leak.text'); end $$"


def case_name(spelling: str, place: str) -> str:
    return f"{spelling} in {place}"


async def leak_everywhere(house: House, mint: Mint, one: Inhabitant, asker: Asker) -> None:
    """Leaves a canary of its own for each case. Everything is left as text where the place takes only that."""
    leaks = {case: SPELLED[case[0]](mint.text(case_name(*case))) for case in CASES}

    def of(place: str) -> list[bytes]:
        return [leak for (_, where), leak in leaks.items() if where == place]

    connection = await superuser(house.services)
    try:
        await _into_tables(connection, one, of)
        for leak in of("the log of PostgreSQL"):
            await connection.execute("select set_config('leak.text', $1, false)", _text(leak))
            await connection.execute(_LOG)
        await _into_an_answer(connection, one, asker, of("an answer"))
    finally:
        await connection.close()
    _into_the_broker(house, of)
    with (house.logs / "api.log").open("ab") as log:
        log.write(b"\n".join(of("the log of a process")))


async def _into_tables(connection: asyncpg.Connection, one: Inhabitant, of: Callable[[str], list[bytes]]) -> None:
    tenant = one.tenant.id
    for leak in of("a text"):
        await connection.execute(_SCOPE, tenant, "{}", _text(leak), [])
    for leak in of("a text in an array"):
        await connection.execute(_SCOPE, tenant, "{}", "", ["a type", _text(leak)])
    for leak in of("a JSON column"):
        await connection.execute(_SCOPE, tenant, orjson.dumps({"a": [_text(leak)]}).decode(), "", [])
    for body in (
        *of("bytes"),
        *map(zlib.compress, of("compressed bytes")),
        *(zlib.compress(zlib.compress(leak)) for leak in of("bytes compressed twice")),
    ):
        await connection.execute(_CONTENT, tenant, body)


async def _into_an_answer(connection: asyncpg.Connection, one: Inhabitant, asker: Asker, leaks: list[bytes]) -> None:
    """Into the stored content of an item, which the API then shows as its properties."""
    query = """query ($id: ID!) { tenant(by: {id: $id}) { inventoryItems(first: 1)
        { nodes { __typename id contentHash properties } } } }"""
    found = await asker.ask("an item", query, id=one.id)
    (item,) = found["tenant"]["inventoryItems"]["nodes"]
    body = zlib.compress(orjson.dumps({f"path{number}": _text(leak) for number, leak in enumerate(leaks)}))
    updated = "update atlas.contents set body = $1 where tenant_id = $2 and hash = $3"
    await connection.execute(updated, body, one.tenant.id, item["contentHash"])
    await asker.ask("the item with leaks", query, id=one.id)


def _into_the_broker(house: House, of: Callable[[str], list[bytes]]) -> None:
    client = redis.Redis.from_url(house.services.broker_url)
    try:
        client.rpush("leak", *of("the broker's memory"))
        for leak in of("the broker's file"):
            client.set("gone", leak)
        client.delete("gone")
    finally:
        client.close()


def _text(leak: bytes) -> str:
    """Bytes as a text of the same characters."""
    return leak.decode("latin-1")
