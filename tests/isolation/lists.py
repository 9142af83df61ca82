"""The arguments of every field: each order, each condition of each filter and each end, with values that match."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type, is_leaf_type

from tests.isolation.anchors import Anchors
from tests.isolation.documents import DECLARED, Document, Root, query_of
from tests.isolation.walk import (
    CORE,
    Step,
    Way,
    along,
    crossings,
    field_of,
    goal,
    is_connection,
    node_types,
    told_apart,
)
from tests.isolation.world import KEY

_PAGE = {"first": 100}
_SIZES = ("20", "3", "2")
_POLICY = "00000000-0000-4000-8000-000000000001"

# What matches something in both tenants: a text, or values of which each is asked for alone.
MATCHING: Mapping[tuple[str, str], Any] = {
    ("FindingFilter", "scopeKey"): KEY,
    ("FindingFilter", "status"): ("NEW", "ACKNOWLEDGED", "RESOLVED"),
    ("FindingFilter", "severity"): ("LOW", "MEDIUM"),
    ("FindingFilter", "changeType"): ("ADDED", "REMOVED", "MODIFIED"),
    ("FindingFilter", "kind"): ("DRIFT", "DATA_QUALITY"),
    ("FindingFilter", "itemType"): "configurationPolicy",
    ("FindingFilter", "subjectExternalId"): _POLICY,
    ("FindingFilter", "subjectName"): "Policy 1",
    ("SyncRunFilter", "scopeKey"): KEY,
    ("SyncRunFilter", "status"): ("SUCCEEDED", "PARTIAL", "FAILED", "RUNNING"),
    ("DriftRunFilter", "scopeKey"): KEY,
    ("DriftRunFilter", "status"): ("SUCCEEDED", "FAILED"),
    ("InventoryItemFilter", "scopeKey"): KEY,
    ("InventoryItemFilter", "itemType"): "configurationPolicy",
    ("InventoryItemFilter", "displayName"): "Policy 1",
    ("InventoryItemFilter", "externalId"): _POLICY,
    ("AuditEventFilter", "action"): "finding.acknowledged",
}

_THOROUGHLY = {
    Step("Tenant", field) for field in ("syncRuns", "driftRuns", "findings", "inventoryItems", "auditEvents")
}


def ways_with_arguments() -> list[Way]:
    """Every field that takes arguments, from the object with a global id that it hangs on."""
    return [
        (*crossing.way, step)
        for name in node_types()
        for crossing in crossings(name, beyond_nodes=False)
        for step in crossing.steps
        if field_of(step).args
    ]


def documents_of(way: Way, anchors: Anchors) -> list[Document]:
    """A document for each set of arguments: the same text with other variables."""
    *on_the_way, step = way
    field, kind = field_of(step), way[0].parent
    called = f"{step.field}({', '.join(f'{name}: ${name}' for name in field.args)}) {{ {_told(step)} }}"
    below = along(tuple(on_the_way), called, _SIZES)
    types = DECLARED | {name: str(argument.type) for name, argument in field.args.items()}
    text = query_of(f"node(id: $id) {{ ... on {kind} {{ of: id {below} }} }}", types)
    root = Root(f"node, {kind}", "", "", ("node",), kind=kind)
    return [Document(root, (way,), text, given, f" {given}") for given in arguments_of(step, anchors)]


def _told(step: Step) -> str:
    """Which objects, and how many there are."""
    each = told_apart(goal(field_of(step)))
    return f"totalCount nodes {{ {each} }}" if is_connection(get_named_type(field_of(step).type)) else each


def arguments_of(step: Step, anchors: Anchors) -> Iterator[Mapping[str, Any]]:
    """Each argument of a field in turn, beside those that it must have.

    A tenant's own lists are asked with each condition of each filter; what shares their filter, with one of each field.
    """
    arguments = field_of(step).args
    values = {"key": anchors.named["key"], "runId": anchors.named["run"], "offset": 0, "by": ["STATUS"]}
    values |= {"input": {"itemType": "configurationPolicy"}, "runs": 10, "live": True}
    needed = (_PAGE if "first" in arguments else {}) | {name: values[name] for name in arguments if name in values}
    yield needed
    for name, argument in arguments.items():
        named = get_named_type(argument.type)
        if name == "input":
            continue
        if isinstance(named, GraphQLEnumType):
            for value in named.values:
                yield needed | {name: [value] if name == "by" else value}
        elif isinstance(named, GraphQLInputObjectType):
            for field in named.fields:
                conditions = list(conditions_of(named, field, anchors))
                for condition in conditions if step in _THOROUGHLY else conditions[:1]:
                    yield needed | {name: {field: condition}}
        elif name == "last":
            yield {key: value for key, value in needed.items() if key != "first"} | {name: 100}
        else:
            # Cursors have a test of their own; one that is new is not passed over.
            assert name in {"first", "after", "before", *values}, f"{step} takes {name}"


def conditions_of(filter_: GraphQLInputObjectType, field: str, anchors: Anchors) -> Iterator[Any]:
    """Each condition of a filter's field, with a value that matches."""
    type_ = get_named_type(filter_.fields[field].type).name
    if type_ == "StringFilter":
        text = MATCHING[filter_.name, field]
        yield from ({"eq": text}, {"in": [text, "no such thing"]}, {"startsWith": text[:5]})
    elif type_ == "DateTimeFilter":
        yield from ({"gte": "2000-01-01T00:00:00Z"}, {"lt": "2100-01-01T00:00:00Z"})
    elif type_ == "Boolean":
        yield from (True, False)
    elif type_ == "ID":
        yield anchors.ids[{"actorId": "Principal", "targetId": "Finding"}[field]][0]
    else:
        assert is_leaf_type(CORE.type_map[type_]), f"{filter_.name}.{field} is a {type_}"
        yield from ([value] for value in MATCHING[filter_.name, field])
