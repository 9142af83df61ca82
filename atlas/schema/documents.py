"""Trusted documents: operations that were registered at deploy time, and are asked for by their id."""

import asyncio
import hashlib
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, specified_rules, validate

from atlas.schema.body import LONGEST_DOCUMENT
from atlas.schema.context import Trusted
from atlas.schema.errors import Code, CodedError
from atlas.schema.inputs import is_storable
from atlas.schema.limits import LIMITS, Limits, exceeded
from atlas.schema.shape import measure
from atlas.store import documents as store
from atlas.store.database import Database
from atlas.store.faults import PASSING, fault_of

log = structlog.get_logger("atlas.documents")

# How long a process goes on with what it knows: what was removed is taken no longer than this.
FRESH_SECONDS = 5.0
# An unknown id looks again at once, but many of them do not.
_AGAIN_SECONDS = 1.0
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_ID = 200
# Stands in for a document that is not there, which is refused before anything of it is executed.
_NOTHING = "{ __typename }"


@dataclass(frozen=True, slots=True)
class Named:
    """What a request asks to be executed: a text, and the trusted document that it is, or why it is refused."""

    query: str | None
    document: Trusted | CodedError | None = None


@dataclass(slots=True)
class Documents:
    """A process's trusted documents, read again when they have changed. With `only`, no others are taken."""

    db: Database
    only: bool = False
    _of_id: dict[str, Trusted] = field(default_factory=dict)
    _of_hash: dict[str, Trusted] = field(default_factory=dict)
    _stamp: store.Stamp | None = None
    _looked: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def named(self, query: str | None, document_id: str | None, extensions: Mapping[str, Any] | None) -> Named:
        """Finds what the request means: `documentId`, `extensions.persistedQuery.sha256Hash`, or its own text."""
        hash_ = _hash_of(extensions)
        if document_id is None and hash_ is None:
            return Named(_NOTHING, _required()) if self.only and query else Named(query)
        if isinstance(hash_, CodedError):
            return Named(_NOTHING, hash_)
        if document_id is not None and (query or hash_ is not None):
            return Named(_NOTHING, _refused("Send `documentId` alone, without `query` and without a persistedQuery."))
        if query and hashlib.sha256(query.encode("utf-8", "replace")).hexdigest() != hash_:
            return Named(_NOTHING, _refused("The sha256Hash is not that of the query."))
        found = await self._find(document_id, hash_)
        if found is not None:
            return Named(found.body, found)
        # A client of automatic persisted queries sends its text now. It is executed, and never registered.
        return Named(query) if query and not self.only else Named(_NOTHING, _unknown())

    async def _find(self, document_id: str | None, hash_: str | None) -> Trusted | None:
        await self._refresh(FRESH_SECONDS)
        for again in (False, True):
            if again:
                await self._refresh(_AGAIN_SECONDS)
            found = self._of_hash.get(hash_) if hash_ is not None else self._of_id.get(document_id or "")
            if found is not None:
                return found
        return None

    async def _refresh(self, seconds: float) -> None:
        if time.monotonic() - self._looked < seconds:
            return
        async with self._lock:
            if time.monotonic() - self._looked < seconds:
                return
            try:
                await self._read()
            except Exception as error:
                # A database that restarts takes nothing away that was read before.
                if self._stamp is None or fault_of(error) not in PASSING:
                    raise
            self._looked = time.monotonic()

    async def _read(self) -> None:
        async with self.db.transaction(readonly=True) as connection:
            stamp = await store.stamp(connection)
            if stamp == self._stamp:
                return
            rows = await store.documents(connection)
        kept = self._of_id
        self._of_id = {
            row.id: kept[row.id] if row.id in kept and kept[row.id].body == row.body else Trusted(row.id, row.body)
            for row in rows
        }
        self._of_hash = {sha256(one.body): one for one in self._of_id.values()}
        self._stamp = stamp
        log.info("documents.read", count=len(rows))


def complaints(schema: GraphQLSchema, documents: Mapping[str, str], limits: Limits = LIMITS) -> dict[str, str]:
    """What is wrong with each document that cannot be trusted, by its id, in words of one line."""
    told = {name: _complaint(schema, name, body, limits) for name, body in documents.items()}
    return {name: why for name, why in told.items() if why is not None}


def sha256(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _complaint(schema: GraphQLSchema, name: str, body: str, limits: Limits) -> str | None:
    if not 1 <= len(name) <= _LONGEST_ID or not is_storable(name):
        return f"An id has 1 to {_LONGEST_ID} characters."
    if not is_storable(body) or len(body) > LONGEST_DOCUMENT:
        return f"A document is a text of at most {LONGEST_DOCUMENT} characters."
    if _SHA256.fullmatch(name) and sha256(body) != name:
        return "The id is a sha256, but not that of the document."
    try:
        document = parse(body, max_tokens=limits.tokens)
        errors: Iterable[GraphQLError] = exceeded(measure(document), limits) or validate(
            schema, document, specified_rules
        )
    except GraphQLError as error:
        errors = [error]
    except RecursionError:
        return "The document is nested too deeply."
    else:
        operations = sum(isinstance(one, OperationDefinitionNode) for one in document.definitions)
        if operations != 1:
            return f"The document has {operations} operations; a trusted document has one."
    return next((error.message for error in errors), None)


def _hash_of(extensions: Mapping[str, Any] | None) -> str | CodedError | None:
    asked = (extensions or {}).get("persistedQuery")
    if asked is None:
        return None
    value = asked.get("sha256Hash") if isinstance(asked, dict) else None
    if not isinstance(value, str) or not _SHA256.fullmatch(value.lower()):
        return _refused("`extensions.persistedQuery.sha256Hash` must be a sha256 of 64 hexadecimal digits.")
    return value.lower()


def _refused(message: str) -> CodedError:
    return CodedError(Code.BAD_USER_INPUT, message)


def _unknown() -> CodedError:
    """The message is what clients of persisted queries look for."""
    return CodedError(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")


def _required() -> CodedError:
    return CodedError(
        Code.PERSISTED_QUERY_REQUIRED,
        "Only trusted documents are taken here. Ask for one by `documentId` or by its persistedQuery hash.",
    )
