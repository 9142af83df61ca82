"""The fingerprint of a finding: the same move of the same object in the same scope has the same one for ever."""

import hashlib

import orjson

from atlas.domain.vocabulary import ChangeType, FindingKind


def fingerprint(
    *,
    kind: FindingKind,
    scope_key: str,
    item_type: str,
    external_id: str,
    change_type: ChangeType | None,
    baseline_hash: str | None,
    current_hash: str | None,
) -> str:
    """`f1:` and the SHA-256 of the canonical JSON list of what is given, in hex; an absent content is null."""
    parts = [
        kind.value,
        scope_key,
        item_type,
        external_id,
        None if change_type is None else change_type.value,
        baseline_hash,
        current_hash,
    ]
    return f"f1:{hashlib.sha256(orjson.dumps(parts)).hexdigest()}"
