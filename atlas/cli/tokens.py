"""`atlas token`: the API tokens of a tenant's service principals."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from atlas.cli.options import Home, Json, Tenant, Token, choice, option, span
from atlas.cli.output import print_json, row, say, stdout, table
from atlas.domain.vocabulary import Role

if TYPE_CHECKING:
    from atlas.cli.caller import Door

app = typer.Typer(help="The API tokens of a tenant's service principals.", no_args_is_help=True)


@app.command("create")
def create(
    principal: Annotated[
        str, typer.Option("--principal", metavar="NAME", show_default=False, help="Whose: e.g. a dashboard's name.")
    ],
    tenant: Tenant,
    role: Annotated[Role, choice(Role, "--role", help="What it may do in the tenant.")],
    expires_in: Annotated[
        timedelta | None, option(span, "--expires-in", metavar="TIME", help="E.g. 12h or 30d; else it never expires.")
    ] = None,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Makes a token and shows it once. The principal gets the role, also where it had another one."""
    from atlas import access
    from atlas.cli.caller import operating_in
    from atlas.cli.place import Place, opened

    async def work(place: Place) -> dict[str, Any]:
        async with operating_in(place, token, tenant) as door:
            expires_at = None if expires_in is None else datetime.now(UTC) + expires_in
            made = await access.create_token(
                door.db, door.context, principal_name=principal, role=role, expires_at=expires_at
            )
            return {
                "id": _global_id(door.context.tenant_id, made.id),
                "token": made.token,
                "principal": principal.strip(),
                "role": role.value,
                "expiresAt": _time(made.expires_at),
            }

    with opened(home) as place:
        made = asyncio.run(work(place))
    if as_json:
        print_json(made)
        return
    say(made["token"])
    until = f"until {made['expiresAt'][:19]}Z" if made["expiresAt"] else "until it is revoked"
    say(f"{role.value} as {made['principal']}, {until}. It is shown only now.", style="dim", error=True)


@app.command("list")
def list_(tenant: Tenant, home: Home = None, token: Token = None, as_json: Json = False) -> None:
    """Lists the tenant's tokens, newest first; never a token itself, only how it begins."""
    from atlas import access
    from atlas.cli.caller import operating_in
    from atlas.cli.place import Place, opened

    async def work(place: Place) -> list[dict[str, Any]]:
        async with operating_in(place, token, tenant) as door:
            return [_shown(door.context.tenant_id, one) for one in await access.list_tokens(door.db, door.context)]

    with opened(home) as place:
        found = asyncio.run(work(place))
    if as_json:
        print_json(found)
        return
    made = table("TOKEN", "PRINCIPAL", "ROLE", "STATE", "LAST USED")
    for one in found:
        used = one["lastUsedAt"]
        row(made, one["hint"] + "...", one["principal"], one["role"], _state(one), used and used[:16])
    stdout().print(made)


@app.command("revoke")
def revoke(
    token_id: Annotated[
        str, typer.Argument(metavar="TOKEN", show_default=False, help="Its id, or how it begins (`atlas token list`).")
    ],
    tenant: Tenant,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Revokes a token for good. Streams that were opened with it end."""
    from atlas.cli.caller import operating_in
    from atlas.cli.place import Place, opened

    async def work(place: Place) -> dict[str, Any]:
        async with operating_in(place, token, tenant) as door:
            return await _revoke(door, token_id)

    with opened(home) as place:
        gone = asyncio.run(work(place))
    if as_json:
        print_json(gone)
    else:
        say(f"Revoked {gone['hint']}... of {gone['principal']}")


async def _revoke(door: "Door", wanted: str) -> dict[str, Any]:
    from atlas import access
    from atlas.domain.errors import RefusedError
    from atlas.domain.vocabulary import UserErrorCode

    known = await access.list_tokens(door.db, door.context)
    matching = [one for one in known if wanted in {str(one.id), _global_id(door.context.tenant_id, one.id)}] or [
        one for one in known if len(wanted) > len(access.PREFIX) and wanted.startswith(one.hint)
    ]
    if len(matching) != 1 or not await access.revoke_token(door.db, door.context, matching[0].id):
        why = "No such token that still holds" if len(matching) < 2 else "Several tokens begin like this"
        raise RefusedError(UserErrorCode.NOT_FOUND, f"{why}. `atlas token list` shows them; name one by its id.")
    again = await access.list_tokens(door.db, door.context)
    return next(_shown(door.context.tenant_id, one) for one in again if one.id == matching[0].id)


def _shown(tenant_id: UUID | None, one: Any) -> dict[str, Any]:
    return {
        "id": _global_id(tenant_id, one.id),
        "hint": one.hint,
        "principal": one.principal,
        "role": one.role,
        "createdAt": _time(one.created_at),
        "expiresAt": _time(one.expires_at),
        "lastUsedAt": _time(one.last_used_at),
        "revokedAt": _time(one.revoked_at),
    }


def _state(one: dict[str, Any]) -> str:
    if one["revokedAt"]:
        return "revoked"
    if one["expiresAt"] is None:
        return "holds"
    expired = datetime.fromisoformat(one["expiresAt"]) <= datetime.now(UTC)
    return "expired" if expired else f"until {one['expiresAt'][:16]}Z"


def _global_id(tenant_id: UUID | None, token_id: UUID) -> str:
    from atlas.schema.ids import encode_id

    return str(encode_id("ApiToken", tenant_id, token_id))


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
