"""What a request carries: who asks, the door to the database, and one loader per kind of object."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from atlas.access import Principal
from atlas.schema.errors import CodedError
from atlas.schema.meter import Meter
from atlas.sealing import SealingKey
from atlas.store.database import Connection, Context, Database
from atlas.store.pages import Row

# A request's resolvers run side by side; this many transactions at a time keep one request from taking the pool.
_TRANSACTIONS = 4

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
# The tenant whose objects are read, or None for what belongs to the principal alone.
Of = TypeVar("Of", bound=UUID | None)

# Reads objects of one tenant by their keys; an absent key is absent from the answer.
Batch = Callable[["GraphQLContext", Of, Sequence[K]], Awaitable[Mapping[K, T]]]


@dataclass(slots=True)
class Trusted:
    """A trusted document. `checked` is what is found out about it once, when it is first asked for."""

    id: str
    body: str
    checked: Any = None


@dataclass(slots=True, kw_only=True)
class GraphQLContext:
    """One request's context. `dispatch` hands queued jobs to the broker, `live` serves the subscriptions.

    `meter` charges what it costs; None where nothing is limited. `document` is the trusted document that was asked for,
    or why what was asked for is refused; without `introspection` the schema is told to nobody. `sealing_key` is what a
    secret is sealed with before it is stored; None where this API takes none.
    """

    db: Database
    principal: Principal
    request_id: str | None = None
    dispatch: Callable[[Sequence[Any]], Awaitable[None]] | None = None
    live: Any = None
    meter: Meter | None = None
    document: Trusted | CodedError | None = None
    introspection: bool = True
    sealing_key: SealingKey | None = None
    # Whether the selection of a field, by the id of its node, asks for labels.
    asks_for_labels: dict[int, bool] = field(default_factory=dict, repr=False)
    _loaders: dict[Any, DataLoader[Any, Any]] = field(default_factory=dict)
    _transactions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_TRANSACTIONS))

    def of(self, tenant_id: UUID | None) -> Context:
        """The database's context for this principal in this tenant, or in none."""
        return Context(tenant_id=tenant_id, principal_id=self.principal.id, request_id=self.request_id)

    @asynccontextmanager
    async def read(self, tenant_id: UUID | None) -> AsyncIterator[Connection]:
        """One short read-only transaction. Load nothing else inside it: that would wait for itself."""
        async with self._transactions, self.db.transaction(self.of(tenant_id), readonly=True) as connection:
            yield connection

    async def load(self, batch: Batch[Of, K, T], tenant_id: Of, key: K) -> T | None:
        """The object of this key, or None. What siblings ask for comes in one statement a tenant."""
        loader = self._loaders.get(batch)
        if loader is None:
            loader = self._loaders[batch] = DataLoader(load_fn=self._by_tenant(batch))
        # A field that fails cancels its siblings; whoever else waits for the same object must not end with them.
        loaded: T | None = await asyncio.shield(loader.load((tenant_id, key)))
        return loaded

    def forget(self) -> None:
        """Loads anew from here on: after a write, and before each event of a subscription."""
        self._loaders.clear()

    def _by_tenant(self, batch: Batch[Of, K, T]) -> Callable[[list[tuple[Of, K]]], Awaitable[list[T | None]]]:
        async def load(keys: list[tuple[Of, K]]) -> list[T | None]:
            wanted: dict[Of, list[K]] = {}
            for tenant_id, key in keys:
                wanted.setdefault(tenant_id, []).append(key)
            answers = await asyncio.gather(*(batch(self, tenant_id, of_it) for tenant_id, of_it in wanted.items()))
            found = dict(zip(wanted, answers, strict=True))
            return [found[tenant_id].get(key) for tenant_id, key in keys]

        return load


def by_key(rows: Iterable[Row], key: str, made: Callable[[Row], T]) -> dict[UUID, list[T]]:
    """What a batch answers with where each key has several rows: what is made of them, in their order."""
    found: dict[UUID, list[T]] = {}
    for row in rows:
        found.setdefault(getattr(row, key), []).append(made(row))
    return found


Info = strawberry.Info[GraphQLContext, None]
