"""The semantic differ: two canonical contents to the properties that changed, in time linear in their size.

Equal paths are compared directly. Rows of order-free arrays are keyed by their content, so a row that changed comes
out as one that went and one that came; `alignment` pairs those again before the changes are told.
"""

from collections.abc import Mapping

from atlas.domain.alignment import align
from atlas.domain.evidence import Evidence, PropertyChange, evidence
from atlas.domain.labels import label_of
from atlas.domain.redaction import Leaf
from atlas.domain.vocabulary import ChangeType


def diff(before: Mapping[str, Leaf] | None, after: Mapping[str, Leaf] | None) -> tuple[PropertyChange, ...]:
    """The changes between two contents in path order; None is an object that is not there.

    A property in a row that was paired stands under the path of the row as it is now.
    """
    old, new = before or {}, after or {}
    removed = {path: leaf for path, leaf in old.items() if path not in new}
    added = {path: leaf for path, leaf in new.items() if path not in old}
    told = [(path, leaf, new[path]) for path, leaf in old.items() if path in new and not _same(leaf, new[path])]
    for was, now in (align(removed, added, old, new) if removed and added else {}).items():
        leaf = removed.pop(was)
        if now not in added:
            removed[now] = leaf
        elif not _same(leaf, other := added.pop(now)):
            told.append((now, leaf, other))
    changes = [_change(path, leaf, other) for path, leaf, other in told]
    changes += [_change(path, leaf, None) for path, leaf in removed.items()]
    changes += [_change(path, None, leaf) for path, leaf in added.items()]
    return tuple(sorted(changes, key=lambda change: (change.path, change.kind)))


def _same(one: Leaf, other: Leaf) -> bool:
    # True == 1 in Python, and a switch is no number.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _change(path: str, before: Leaf | None, after: Leaf | None) -> PropertyChange:
    was: Evidence | None = None if before is None else evidence(before, path)
    now: Evidence | None = None if after is None else evidence(after, path)
    kind = ChangeType.ADDED if was is None else ChangeType.REMOVED if now is None else ChangeType.MODIFIED
    return PropertyChange(kind, path, label_of(path), was, now)
