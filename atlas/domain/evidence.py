"""The evidence of a change: what was and what is, shown or as a keyed digest, with a label for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from atlas.domain.labels import label_of_choice
from atlas.domain.redaction import Leaf, is_digest, shown_value
from atlas.domain.vocabulary import ChangeType

Shown: TypeAlias = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One value. Redacted: `digest` is set and `value` is None; else `value` is what stands there."""

    redacted: bool
    value: Shown
    digest: str | None = None
    label: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"redacted": self.redacted, "value": self.value, "digest": self.digest, "label": self.label}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Evidence":
        return cls(data["redacted"], data["value"], data["digest"], data["label"])


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One property that was added, removed or modified; `before` or `after` is None where it was not there."""

    kind: ChangeType
    path: str
    label: str
    before: Evidence | None
    after: Evidence | None

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "path": self.path,
            "label": self.label,
            "before": None if self.before is None else self.before.to_json(),
            "after": None if self.after is None else self.after.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PropertyChange":
        before, after = data["before"], data["after"]
        return cls(
            ChangeType(data["kind"]),
            data["path"],
            data["label"],
            None if before is None else Evidence.from_json(before),
            None if after is None else Evidence.from_json(after),
        )


def evidence(leaf: Leaf, path: str) -> Evidence:
    """What a canonical leaf at a path tells."""
    if is_digest(leaf):
        return Evidence(redacted=True, value=None, digest=str(leaf))
    value = shown_value(leaf)
    # Of all that is empty, only a setting that is there nevertheless is a leaf.
    return Evidence(redacted=False, value=value, label="Empty" if value == "" else label_of_choice(path, value))
