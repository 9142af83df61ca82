"""From an object's move between two contents to the finding that reports it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from atlas.domain.differ import diff
from atlas.domain.evidence import PropertyChange
from atlas.domain.fingerprint import fingerprint
from atlas.domain.severity import assess
from atlas.domain.vocabulary import ChangeType, FindingKind, Severity

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """One object of a scope at two recorded runs. A hash is None where the object was not there."""

    item_type: str
    external_id: str
    display_name: str
    platform: str | None
    item_id: UUID
    old_hash: str | None
    new_hash: str | None

    @property
    def change_type(self) -> ChangeType:
        if self.old_hash is None:
            return ChangeType.ADDED
        return ChangeType.REMOVED if self.new_hash is None else ChangeType.MODIFIED


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding before anything is known of its life."""

    id: UUID
    kind: FindingKind
    fingerprint: str
    item_type: str
    external_id: str
    display_name: str
    platform: str | None
    item_id: UUID
    change_type: ChangeType | None
    old_hash: str | None
    new_hash: str | None
    changes: Sequence[PropertyChange]
    severity: Severity
    severity_reasons: Sequence[str]


def finding_id(tenant_id: UUID, print_: str) -> UUID:
    """The same finding has the same id however often, and wherever, it is generated."""
    return uuid5(NAMESPACE_URL, f"atlas:finding:{tenant_id}:{print_}")


def draft(tenant_id: UUID, scope_key: str, move: Move, before: Properties | None, after: Properties | None) -> Draft:
    """What a move comes to: its changes, in path order, its severity with reasons, and its fingerprint."""
    changes = diff(before, after)
    assessment = assess(
        change_type=move.change_type,
        item_type=move.item_type,
        display_name=move.display_name,
        changes=changes,
        properties_before=before,
        properties_after=after,
    )
    print_ = fingerprint(
        kind=FindingKind.DRIFT,
        scope_key=scope_key,
        item_type=move.item_type,
        external_id=move.external_id,
        change_type=move.change_type,
        baseline_hash=move.old_hash,
        current_hash=move.new_hash,
    )
    return Draft(
        id=finding_id(tenant_id, print_),
        kind=FindingKind.DRIFT,
        fingerprint=print_,
        item_type=move.item_type,
        external_id=move.external_id,
        display_name=move.display_name,
        platform=move.platform,
        item_id=move.item_id,
        change_type=move.change_type,
        old_hash=move.old_hash,
        new_hash=move.new_hash,
        changes=changes,
        severity=assessment.severity,
        severity_reasons=assessment.reasons,
    )


def shared_id(
    tenant_id: UUID,
    scope_key: str,
    *,
    item_type: str,
    external_id: str,
    display_name: str,
    item_id: UUID,
    names: Sequence[str],
) -> Draft:
    """The DATA_QUALITY finding of several objects under one id: the same for as long as the id is shared."""
    print_ = fingerprint(
        kind=FindingKind.DATA_QUALITY,
        scope_key=scope_key,
        item_type=item_type,
        external_id=external_id,
        change_type=None,
        baseline_hash=None,
        current_hash=None,
    )
    shared = ", ".join(f"“{name}”" for name in sorted(names))
    reason = f"{len(names)} objects came under one id ({shared}): they are kept apart, yet one of them is misnamed."
    return Draft(
        id=finding_id(tenant_id, print_),
        kind=FindingKind.DATA_QUALITY,
        fingerprint=print_,
        item_type=item_type,
        external_id=external_id,
        display_name=display_name,
        platform=None,
        item_id=item_id,
        change_type=None,
        old_hash=None,
        new_hash=None,
        changes=(),
        severity=Severity.LOW,
        severity_reasons=(reason,),
    )
