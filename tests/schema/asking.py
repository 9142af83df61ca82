"""Asking the schema as a member of a tenant, over the real database and as atlas_api."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import GraphQLError
from sqlalchemy import event

from atlas.access import Principal
from atlas.domain.vocabulary import Role
from atlas.schema.context import GraphQLContext
from atlas.schema.ids import encode_id
from atlas.schema.root import schema
from atlas.sealing import SealingKey
from atlas.store.database import Database
from tests.factories import Tenant


@dataclass(slots=True)
class Asker:
    """A member of a tenant who asks; `sent` is what was handed to the broker."""

    api: Database
    tenant: Tenant
    role: Role = Role.OWNER
    sent: list[Any] = field(default_factory=list)
    sealing_key: SealingKey | None = None

    async def dispatch(self, jobs: Sequence[Any]) -> None:
        self.sent.extend(jobs)

    async def execute(self, query: str, **variables: Any) -> tuple[Any, Sequence[GraphQLError]]:
        principal = Principal(self.tenant.members[self.role], "USER", f"local:{self.role}-{self.tenant.name}")
        context = GraphQLContext(
            db=self.api,
            principal=principal,
            request_id="test",
            dispatch=self.dispatch,
            sealing_key=self.sealing_key,
        )
        result = await schema.execute(query, variable_values=variables, context_value=context)
        return result.data, result.errors or ()  # type: ignore[union-attr]

    async def __call__(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        data, errors = await self.execute(query, **variables)
        assert not errors, errors
        return data

    async def in_tenant(self, selection: str, **variables: Any) -> Any:
        """What the tenant's own fields answer."""
        declared = ", ".join(f"${name}: {_DECLARED.get(name, 'String')}" for name in variables)
        query = (
            f"query($tenant: ID!{', ' + declared if declared else ''}) {{ tenant(by: {{id: $tenant}}) {selection} }}"
        )
        return (await self(query, tenant=self.id, **variables))["tenant"]

    async def code(self, query: str, **variables: Any) -> str | None:
        """The code of the first top-level error; None where there is none."""
        _, errors = await self.execute(query, **variables)
        return (errors[0].extensions or {}).get("code") if errors else None

    @property
    def id(self) -> str:
        return encode_id("Tenant", self.tenant.id, self.tenant.id)

    def global_id(self, type_name: str, key: UUID) -> str:
        return encode_id(type_name, self.tenant.id, key)


_DECLARED = {"first": "Int", "last": "Int", "run": "ID!", "filter": "FindingFilter"}


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    """The statements that a pool sends."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", note)
