"""What all mutations share: errors that the caller can put right, and checks of the input."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import strawberry

from atlas.domain.errors import RefusedError
from atlas.schema.enums import UserErrorCode
from atlas.schema.ids import GlobalId, decode_id, decode_tenant_id
from atlas.schema.inputs import is_storable

LONGEST_IDEMPOTENCY_KEY = 200
LONGEST_KEY = 200


@strawberry.type(
    description="What the caller can put right. Authentication, limits and faults are top-level errors with"
    " extensions.code instead."
)
class UserError:
    code: UserErrorCode = strawberry.field(description="What kind of error.")
    message: str = strawberry.field(description="What is wrong, and the mend.")
    path: list[str] = strawberry.field(description="The field of the input that it is about, such as [input, reason].")


@dataclass(slots=True)
class Outcome:
    """The errors of one mutation; empty where it was done."""

    errors: list[UserError] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        return bool(self.errors)


@contextmanager
def outcome() -> Iterator[Outcome]:
    """Turns a refusal of the body into an error of the payload."""
    result = Outcome()
    try:
        yield result
    except RefusedError as error:
        result.errors.append(UserError(code=error.code, message=error.message, path=list(error.path)))


def tenant_of(value: str) -> UUID:
    """The tenant that `input.tenantId` names. Whether it is the caller's the database decides."""
    tenant_id = decode_tenant_id(value)
    if tenant_id is None:
        raise absent("tenant", "tenantId")
    return tenant_id


def object_of(value: str, type_name: str, field_name: str, tenant_id: UUID | None = None) -> GlobalId:
    """The object that an id of the input names; NOT_FOUND where it is malformed or not of `tenant_id`."""
    decoded = decode_id(value, type_name)
    if decoded is None or (tenant_id is not None and decoded.tenant_id != tenant_id):
        raise absent(type_name, field_name)
    return decoded


def absent(noun: str, field_name: str) -> RefusedError:
    return RefusedError(
        UserErrorCode.NOT_FOUND, f"There is no such {noun}, or you may not see it.", ("input", field_name)
    )


def idempotency_key_of(value: str | None) -> str | None:
    if value is not None and not 1 <= len(value) <= LONGEST_IDEMPOTENCY_KEY:
        raise invalid(f"An idempotency key has 1 to {LONGEST_IDEMPOTENCY_KEY} characters.", "idempotencyKey")
    return None if value is None else text_of(value, "idempotencyKey")


def scope_key_of(value: str) -> str:
    """A key that no scope can have is one that no scope has."""
    if len(value) > LONGEST_KEY or not is_storable(value):
        raise absent("scope", "scopeKey")
    return value


def text_of(value: str, field_name: str) -> str:
    if not is_storable(value):
        raise invalid(f"{field_name} holds a NUL character or half a surrogate pair. Remove it.", field_name)
    return value


def most_of(values: Sequence[str], most: int, field_name: str) -> Sequence[str]:
    if len(values) > most:
        raise invalid(f"{field_name} holds more than {most:,} entries. Send them in several requests.", field_name)
    return values


def invalid(message: str, field_name: str) -> RefusedError:
    return RefusedError(UserErrorCode.INVALID_INPUT, message, ("input", field_name))
