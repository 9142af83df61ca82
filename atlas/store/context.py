"""The context of a transaction: who asks, of which tenant."""

from dataclasses import dataclass, fields
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who asks, of which tenant: what the database's policies read. The empty context reads nothing.

    A worker names its job and the token of its lease instead of a principal.
    """

    tenant_id: UUID | None = None
    principal_id: UUID | None = None
    job_id: UUID | None = None
    lease_token: UUID | None = None
    request_id: str | None = None
    reason: str | None = None


_SETTINGS = tuple(field.name for field in fields(Context))


def binding(context: Context) -> str:
    """The statement that binds a transaction to its context.

    Every setting is set at every BEGIN, so that nothing of an earlier transaction can be read.

    A text travels as hexadecimal: whatever a person typed as a reason, it cannot end the statement.
    """
    calls = []
    for name in _SETTINGS:
        value = getattr(context, name)
        literal = f"'{value}'" if isinstance(value, UUID) else "''" if value is None else _text(value)
        calls.append(f"set_config('atlas.{name}', {literal}, true)")
    return f"SELECT {', '.join(calls)};"


def _text(value: str) -> str:
    return f"convert_from(decode('{value.encode().hex()}', 'hex'), 'UTF8')"
