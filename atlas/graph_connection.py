"""The connection that a sync reads through: its credential out of its seal or its place, and a first sign-in."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from atlas.connections import Lack
from atlas.domain.errors import OperatorError
from atlas.domain.vocabulary import CredentialKind, GraphCloud
from atlas.sealing import LONGEST, Binding, Purpose, unseal
from atlas.sources.graph.contracts import CONTRACTS, DEFAULT_TYPES
from atlas.sources.graph.events import CALLED as EVENTS
from atlas.sources.graph.events import PERMISSION as EVENTS_PERMISSION
from atlas.sources.graph.labels import LABELS
from atlas.sources.graph.sign_in import Endpoints, SignIn, permissions_of, signed_in
from atlas.store import connections as store
from atlas.store.database import Connection, Row


@dataclass(frozen=True, slots=True)
class Opened:
    """Which connection it is, and as whom to sign in where."""

    id: UUID
    cloud: GraphCloud
    sign_in: SignIn


# Others that let their bearer read the same.
_ALIKE: Mapping[str, tuple[str, ...]] = {
    "Group.Read.All": ("GroupMember.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"),
}


async def try_sign_in(sign_in: SignIn, where: Endpoints) -> list[Lack] | None:
    """Signs in once, and tells what is missing for what is read by default; None where the token does not say.

    Raises `OperatorError` where the sign-in is refused or gets no answer.
    """
    async with signed_in(sign_in, where) as token:
        return lacks_of(await token())


def lacks_of(token: str) -> list[Lack] | None:
    """What a token's permissions leave unread; None where it does not say."""
    granted = permissions_of(token)
    return None if granted is None else lacks(granted)


def lacks(granted: Collection[str]) -> list[Lack]:
    """The permissions that are missing, by name. Whoever may write may read."""
    types: dict[str, list[str]] = {}
    for name in DEFAULT_TYPES:
        types.setdefault(CONTRACTS[name].permission, []).append(name)
    beside = {EVENTS_PERMISSION: [EVENTS]}
    for contract in LABELS.values():
        beside.setdefault(contract.permission, []).append(contract.called)
    return [
        Lack(permission, tuple(sorted(types.get(permission, ()))), tuple(sorted(beside.get(permission, ()))))
        for permission in sorted(types.keys() | beside)
        if not {permission, permission.replace(".Read.", ".ReadWrite."), *_ALIKE.get(permission, ())} & set(granted)
    ]


async def open_connection(connection: Connection, tenant_id: UUID, deployment_keys: Sequence[bytes]) -> Opened:
    """The tenant's connection, its credential opened. Inside the lease of a sync.

    Raises `OperatorError` NO_GRAPH_CONNECTION, SEVERAL_CONNECTIONS, CREDENTIAL_MISSING, and those of `unseal`.
    """
    rows = await store.credentials_of(connection, tenant_id)
    if not rows:
        raise OperatorError(
            "NO_GRAPH_CONNECTION", "The tenant has no Microsoft Graph connection any more.", "Make one, and sync again."
        )
    if len(rows) > 1:
        raise OperatorError(
            "SEVERAL_CONNECTIONS",
            "The tenant has several connections, and one inventory is read from one directory.",
            "Remove all but one: `atlas graph list`, `atlas graph remove`. Then sync again.",
        )
    row = rows[0]
    secret = _secret(row, tenant_id, deployment_keys)
    sign_in = SignIn(CredentialKind(row["credential_kind"]), row["entra_tenant_id"], row["client_id"], secret)
    return Opened(row["id"], GraphCloud(row["cloud"]), sign_in)


def _secret(row: Row, tenant_id: UUID, deployment_keys: Sequence[bytes]) -> bytes | None:
    if row["sealed"] is not None:
        return unseal(deployment_keys, row["sealed"], Binding(tenant_id, Purpose.GRAPH_CREDENTIAL, row["id"]))
    return None if row["reference"] is None else _referred(row["reference"])


def _referred(reference: str) -> bytes:
    """What a variable or file of this process holds. The name alone is told of it."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        found = os.environ.get(name, "").encode()
    else:
        try:
            with Path(name).open("rb") as file:
                found = file.read(LONGEST + 1).rstrip(b"\r\n")
        except OSError as error:
            raise _missing(reference) from error
    if not 1 <= len(found) <= LONGEST:
        raise _missing(reference)
    return found


def _missing(reference: str) -> OperatorError:
    return OperatorError(
        "CREDENTIAL_MISSING",
        f"The worker finds no credential at {reference}.",
        "Give it to the worker there, or connect anew: `atlas graph remove`, then `atlas graph connect`.",
    )
