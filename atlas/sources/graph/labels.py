"""What Graph calls the groups, filters, scope tags and settings that configurations name by their ids."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from atlas.domain.naming import Named, clean_label
from atlas.domain.vocabulary import LabelKind
from atlas.sources.graph.answers import Body
from atlas.sources.graph.client import Get, GraphClient
from atlas.sources.graph.contracts import Family, Version
from atlas.sources.graph.errors import GraphError
from atlas.sources.labels import options_of

TOGETHER: Final = 80
"""How many are asked for before what came is handed over: four batches, which go out side by side."""

# An id that was never one, and one that is gone.
_NO_SUCH = frozenset({400, 404})


@dataclass(frozen=True, slots=True)
class LabelContract:
    """Where things of one kind are asked for by their id. Of several `paths` the next has what the first has not.

    `called` is what is wanting where they cannot be read.
    """

    called: str
    paths: tuple[str, ...]
    permission: str
    version: Version = "beta"
    family: Family = Family.INTUNE
    query: str = "$select=id,displayName"


LABELS: Mapping[LabelKind, LabelContract] = {
    LabelKind.GROUP: LabelContract(
        "names of groups", ("groups",), "Group.Read.All", version="v1.0", family=Family.DIRECTORY
    ),
    LabelKind.FILTER: LabelContract(
        "names of assignment filters", ("deviceManagement/assignmentFilters",), "DeviceManagementConfiguration.Read.All"
    ),
    LabelKind.SCOPE_TAG: LabelContract(
        "names of scope tags", ("deviceManagement/roleScopeTags",), "DeviceManagementRBAC.Read.All"
    ),
    # Options are told of choices only, so nothing is selected: a setting of another kind has no such property.
    LabelKind.SETTING: LabelContract(
        "names of settings",
        (
            "deviceManagement/configurationSettings",
            "deviceManagement/complianceSettings",
            "deviceManagement/reusableSettings",
        ),
        "DeviceManagementConfiguration.Read.All",
        query="",
    ),
}


async def read_labels(
    client: GraphClient, kind: LabelKind, ids: Sequence[str]
) -> AsyncIterator[dict[Named, str | None]]:
    """The labels of these, some at a time, and with a setting those of its options; None for what is not there.

    Raises GraphError where they cannot be asked for; what was given before that holds.
    """
    contract = LABELS[kind]
    for start in range(0, len(ids), TOGETHER):
        left: Sequence[str] = ids[start : start + TOGETHER]
        found: dict[Named, str | None] = {}
        for path in contract.paths:
            answers = await client.batch([_get(contract, path, one) for one in left]) if left else []
            there = {one: answer for one, answer in zip(left, answers, strict=True) if _is_there(answer)}
            for one, body in there.items():
                found.update(_labels(kind, one, body))
            left = [one for one in left if one not in there]
        yield found | {(kind, one): None for one in left}


def _is_there(answer: Body | GraphError) -> bool:
    if isinstance(answer, GraphError):
        if answer.status in _NO_SUCH:
            return False
        raise answer
    return True


def _get(contract: LabelContract, path: str, identity: str) -> Get:
    query = f"?{contract.query}" if contract.query else ""
    return Get(f"{path}/{quote(identity, safe='')}{query}", contract.version, contract.family)


def _labels(kind: LabelKind, identity: str, body: Any) -> Iterator[tuple[Named, str | None]]:
    yield (kind, identity), clean_label(body.get("displayName"))
    if kind is LabelKind.SETTING:
        yield from options_of(body)
