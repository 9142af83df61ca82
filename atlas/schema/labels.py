"""Changes as they read with the labels that are known, which are looked up only where somebody asks for labels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from graphql import FieldNode, FragmentSpreadNode, SelectionSetNode

from atlas.domain import evidence
from atlas.domain.naming import Labels, Named, names_of, with_labels
from atlas.schema.changes import PropertyChange, change_of
from atlas.schema.context import GraphQLContext, Info
from atlas.store import labels as store


async def changes_with_labels(
    info: Info, tenant_id: UUID, changes: Sequence[evidence.PropertyChange]
) -> list[PropertyChange]:
    """What all changes of a page name is read in one statement; nothing is read where no label is selected."""
    if changes and _asks_for_labels(info):
        named = names_of(changes)
        if named:
            labels = await info.context.load(_labels, tenant_id, named) or {}
            changes = [with_labels(change, labels) for change in changes]
    return [change_of(change) for change in changes]


async def _labels(
    context: GraphQLContext, tenant_id: UUID, keys: Sequence[frozenset[Named]]
) -> Mapping[frozenset[Named], Labels]:
    async with context.read(tenant_id) as connection:
        found = await store.of(connection, tenant_id, frozenset().union(*keys))
    return dict.fromkeys(keys, found)


def _asks_for_labels(info: Info) -> bool:
    """Is a field `label` selected below this field? Found out once a field of a request, whatever it is asked of."""
    raw = info._raw_info  # noqa: SLF001
    known = info.context.asks_for_labels
    key = id(raw.field_nodes[0])
    if key not in known:
        sets = [node.selection_set for node in raw.field_nodes if node.selection_set is not None]
        known[key] = _selects(sets, "label", raw.fragments)
    return known[key]


def _selects(sets: Iterable[SelectionSetNode], name: str, fragments: Mapping[str, Any]) -> bool:
    waiting, seen = list(sets), set[str]()
    while waiting:
        for selected in waiting.pop().selections:
            if isinstance(selected, FieldNode) and selected.name.value == name:
                return True
            if isinstance(selected, FragmentSpreadNode):
                if selected.name.value not in seen:
                    seen.add(selected.name.value)
                    waiting.append(fragments[selected.name.value].selection_set)
            elif (inner := getattr(selected, "selection_set", None)) is not None:
                waiting.append(inner)
    return False
