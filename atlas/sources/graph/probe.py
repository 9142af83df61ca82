"""A first look at a tenant: a page of each item type and of what is read beside them, in figures. Nothing is kept."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from atlas.domain.vocabulary import CoverageStatus, LabelKind
from atlas.sources.graph.answers import Collection
from atlas.sources.graph.client import GraphClient
from atlas.sources.graph.contracts import Contract, Family
from atlas.sources.graph.details import expanded_at_root
from atlas.sources.graph.errors import GraphError
from atlas.sources.graph.events import PERMISSION as EVENTS_PERMISSION
from atlas.sources.graph.labels import LABELS
from atlas.sources.graph.reading import first_page, status_of


@dataclass(frozen=True, slots=True)
class Probed:
    """What one page of a collection of an item type told. COMPLETE says no more than that the page could be read.

    `expected` is how many objects Graph says that there are, None where it does not. `message` is the error, or what
    the page lacks that was asked for.
    """

    item_type: str
    path: str
    status: CoverageStatus
    http_status: int | None
    objects: int
    expected: int | None
    has_next: bool
    milliseconds: float
    message: str | None


# What a sync reads beside its item types; nothing of it is inventory, so no run fails for want of it.
BESIDE: tuple[Contract, ...] = (
    Contract(
        "group",
        LABELS[LabelKind.GROUP].paths,
        LABELS[LabelKind.GROUP].permission,
        version="v1.0",
        select="id,displayName",
        page_size=1,
        counted=False,
        family=Family.DIRECTORY,
    ),
    Contract(
        "auditEvent", ("deviceManagement/auditEvents",), EVENTS_PERMISSION, version="v1.0", page_size=1, counted=False
    ),
)


async def probe(client: GraphClient, contracts: Iterable[Contract]) -> list[Probed]:
    """One page of every collection of the contracts, one after the other."""
    return [await _probe(client, contract, path) for contract in contracts for path in contract.paths]


async def _probe(client: GraphClient, contract: Contract, path: str) -> Probed:
    began = time.monotonic()
    try:
        page, _ = await first_page(client, contract, path)
    except GraphError as error:
        spent = (time.monotonic() - began) * 1_000
        status, _, message = status_of(error, contract)
        return Probed(contract.item_type, path, status, error.status, 0, None, False, spent, message)
    spent = (time.monotonic() - began) * 1_000
    objects, more = len(page.values), page.next_link is not None
    wanting = _wanting(contract, page)
    return Probed(contract.item_type, path, CoverageStatus.COMPLETE, 200, objects, page.count, more, spent, wanting)


def _wanting(contract: Contract, page: Collection) -> str | None:
    """What was asked for and is in no object of the page. A sync calls for some of it, one object at a time."""
    names = ("@odata.type", *expanded_at_root(contract))
    lacking = [name for name in names if page.values and not any(name in body for body in page.values)]
    return f"No object of the page has {', '.join(lacking)}, which was asked for." if lacking else None
