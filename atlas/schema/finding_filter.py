"""Which findings, and in which order: the arguments of every list of findings."""

from typing import Annotated

import strawberry

from atlas.schema.enums import ChangeType, FindingKind, FindingOrder, FindingStatus, Severity
from atlas.schema.inputs import DateTimeFilter, StringFilter, one_of, text_filter, time_filter
from atlas.store import findings as store


@strawberry.input(description="Which findings. All that is given must hold; an empty list of values matches nothing.")
class FindingFilter:
    scope_key: StringFilter | None = strawberry.field(default=None, description="The key of their scope.")
    status: list[FindingStatus] | None = strawberry.field(default=None, description="Their status is one of these.")
    severity: list[Severity] | None = strawberry.field(default=None, description="Their severity is one of these.")
    change_type: list[ChangeType] | None = strawberry.field(default=None, description="What happened is one of these.")
    kind: list[FindingKind] | None = strawberry.field(default=None, description="Their kind is one of these.")
    item_type: StringFilter | None = strawberry.field(default=None, description="The type of the object.")
    subject_external_id: StringFilter | None = strawberry.field(
        default=None, description="The object's id in its source."
    )
    subject_name: StringFilter | None = strawberry.field(default=None, description="The object's name.")
    first_seen_at: DateTimeFilter | None = strawberry.field(default=None, description="When they were first seen.")
    last_seen_at: DateTimeFilter | None = strawberry.field(default=None, description="When they were last seen.")
    is_current: bool | None = strawberry.field(
        default=None, description="Does the newest evaluated run still hold the content that they report?"
    )
    suppressed: bool | None = strawberry.field(
        default=False,
        description="True: those that an ignore rule hides, and no others. False, also where it is left out: the"
        " others. Null: both.",
    )


FindingFilterArgument = Annotated[FindingFilter | None, strawberry.argument(description="Only findings like this.")]
FindingOrderArgument = Annotated[
    FindingOrder | None, strawberry.argument(description="In which order; LAST_SEEN_AT_DESC where none is given.")
]


def chosen_findings(wanted: FindingFilter | None) -> store.FindingFilter:
    """The filter for the store; raises BAD_USER_INPUT for texts that cannot be."""
    given = wanted or FindingFilter()
    severity = None if given.severity is None else tuple(one.rank for one in dict.fromkeys(given.severity))
    return store.FindingFilter(
        scope_key=text_filter(given.scope_key, "filter.scopeKey"),
        status=one_of(given.status),
        severity=severity,
        change_type=one_of(given.change_type),
        kind=one_of(given.kind),
        item_type=text_filter(given.item_type, "filter.itemType"),
        subject_external_id=text_filter(given.subject_external_id, "filter.subjectExternalId"),
        subject_name=text_filter(given.subject_name, "filter.subjectName"),
        first_seen_at=time_filter(given.first_seen_at),
        last_seen_at=time_filter(given.last_seen_at),
        is_current=given.is_current,
        suppressed=given.suppressed,
    )
