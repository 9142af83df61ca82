"""Property changes: what a finding or a version says in detail."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from atlas.domain import evidence
from atlas.schema.enums import ChangeType
from atlas.schema.inputs import bad_user_input

MOST_CHANGES = 500

FirstChanges = Annotated[int, strawberry.argument(description="How many, 0 to 500.")]
Offset = Annotated[int, strawberry.argument(description="How many to pass over.")]


@strawberry.type(
    description="A value: shown when allowlisted; otherwise a keyed digest, which tells that a value changed and not"
    " what it is."
)
class EvidenceValue:
    redacted: bool = strawberry.field(description="Is the value withheld?")
    value: JSON | None = strawberry.field(description="The value; null where it is withheld.")
    digest: str | None = strawberry.field(description="The keyed digest of a withheld value; null otherwise.")
    label: str | None = strawberry.field(description="What the value means, where that is known.")


@strawberry.type(description="One property that changed.")
class PropertyChange:
    kind: ChangeType = strawberry.field(description="What happened to the property.")
    path: str = strawberry.field(description="Where it stands in the object, in canonical form.")
    label: str = strawberry.field(description="What it is called.")
    before: EvidenceValue | None = strawberry.field(description="What it was; null where it was not there.")
    after: EvidenceValue | None = strawberry.field(description="What it is; null where it is gone.")


def change_of(change: evidence.PropertyChange) -> PropertyChange:
    return PropertyChange(
        kind=change.kind,
        path=change.path,
        label=change.label,
        before=_value(change.before),
        after=_value(change.after),
    )


def check_part(first: int, offset: int) -> None:
    """Raises BAD_USER_INPUT where more is asked for than is given at a time."""
    if not 0 <= first <= MOST_CHANGES:
        raise bad_user_input(f"first must be from 0 to {MOST_CHANGES}: changes are read a part at a time.")
    if offset < 0:
        raise bad_user_input("offset must not be negative.")


def _value(value: evidence.Evidence | None) -> EvidenceValue | None:
    if value is None:
        return None
    return EvidenceValue(redacted=value.redacted, value=JSON(value.value), digest=value.digest, label=value.label)
