"""`atlas rule`: what a tenant does not want to hear of."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.cli.options import ExpiresAt, Home, Json, Tenant, Token
from atlas.cli.output import print_json, row, say, stdout, table

if TYPE_CHECKING:
    from uuid import UUID

    from atlas.cli.caller import Caller
    from atlas.domain.rules import Parts

app = typer.Typer(help="Ignore rules: what a tenant does not want to hear of.", no_args_is_help=True)

_PERSON = "{ id kind displayName }"
_FIELDS = f"""
    id version itemType pathPattern subjectPattern valuePattern reason createdAt expiresAt endedAt
    owner {_PERSON} endedBy {_PERSON} replaces {{ id version }}
"""
_PAGE = 100

ItemType = Annotated[
    str | None, typer.Option("--item-type", metavar="TYPE", show_default=False, help="Only objects of this type.")
]
Path = Annotated[
    str | None,
    typer.Option("--path", metavar="PATTERN", show_default=False, help="The path of a change; * is any text."),
]
Subject = Annotated[
    str | None,
    typer.Option("--subject", metavar="PATTERN", show_default=False, help="The object's name or id; * is any text."),
]
Value = Annotated[
    str | None,
    typer.Option("--value", metavar="PATTERN", show_default=False, help="The value that came; * is any text."),
]
Named = Annotated[str, typer.Argument(metavar="RULE", show_default=False, help="Its id (`atlas rule list`).")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why: it is kept.")]


@app.command("create")
def create(
    tenant: Tenant,
    reason: Reason,
    item_type: ItemType = None,
    path: Path = None,
    subject: Subject = None,
    value: Value = None,
    expires_at: ExpiresAt = None,
    replaces: Annotated[
        str | None,
        typer.Option("--replaces", metavar="RULE", show_default=False, help="Whose next version it is: that ends."),
    ] = None,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Makes a rule: findings whose every change is ignored are hidden, whatever their status."""
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> dict[str, Any]:
        from atlas import rules
        from atlas.cli.graph import node

        tenant_id = await _tenant_id(caller, tenant)
        made = await rules.create(
            caller.db,
            caller.of(tenant_id),
            _parts(item_type, path, subject, value),
            reason=reason,
            expires_at=expires_at,
            replaces=None if replaces is None else _key(replaces, tenant_id),
        )
        return await node(caller, "Rule", _FIELDS, _global_id(tenant_id, made))

    made = act(home, token, work)
    if as_json:
        print_json(made)
    else:
        say(f"Made version {made['version']} of a rule that ignores {_what(made)}")


@app.command("list")
def list_(tenant: Tenant, home: Home = None, token: Token = None, as_json: Json = False) -> None:
    """Lists the tenant's rules, also those that have ended, the newest first."""
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> list[dict[str, Any]]:
        return await _all(caller, await _tenant_id(caller, tenant))

    found = act(home, token, work)
    if as_json:
        print_json(found)
        return
    made = table("RULE", "VERSION", "IGNORES", "OWNER", "REASON", "UNTIL", right=("VERSION",))
    for one in found:
        until = f"ended {one['endedAt'][:16]}" if one["endedAt"] else (one["expiresAt"] or "")[:16]
        row(made, one["id"], one["version"], _what(one), one["owner"]["displayName"], one["reason"], until)
    stdout().print(made)


@app.command("end")
def end(
    rule: Named, tenant: Tenant, reason: Reason, home: Home = None, token: Token = None, as_json: Json = False
) -> None:
    """Ends a rule: what it alone hid is shown again."""
    from atlas.cli.caller import act

    async def work(caller: "Caller") -> dict[str, Any]:
        from atlas import rules
        from atlas.cli.graph import node

        tenant_id = await _tenant_id(caller, tenant)
        ended = await rules.end(caller.db, caller.of(tenant_id), _key(rule, tenant_id), reason=reason)
        return await node(caller, "Rule", _FIELDS, _global_id(tenant_id, ended))

    ended = act(home, token, work)
    if as_json:
        print_json(ended)
    else:
        say(f"Ended the rule that ignored {_what(ended)}")


@app.command("preview")
def preview(
    tenant: Tenant,
    item_type: ItemType = None,
    path: Path = None,
    subject: Subject = None,
    value: Value = None,
    runs: Annotated[int, typer.Option("--runs", min=1, max=100, help="How many drift runs to look at.")] = 10,
    home: Home = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Shows what a rule would have hidden of what the last drift runs saw; writes nothing."""
    from atlas.cli.caller import act
    from atlas.cli.graph import ask
    from atlas.schema.asking import FINDING

    given = {"itemType": item_type, "pathPattern": path, "subjectPattern": subject, "valuePattern": value}

    async def work(caller: "Caller") -> dict[str, Any]:
        query = f"""query ($tenant: ID!, $input: RuleInput!, $runs: Int!) {{ tenant(by: {{id: $tenant}}) {{
            previewRule(input: $input, runs: $runs) {{ runs count findings {{ {FINDING} }} }} }} }}"""
        tenant_id = await _tenant_id(caller, tenant)
        data = await ask(caller, query, tenant=_tenant_global_id(tenant_id), input=given, runs=runs)
        found: dict[str, Any] = data["tenant"]["previewRule"]
        return found

    found = act(home, token, work)
    if as_json:
        print_json(found)
        return
    if found["findings"]:
        from atlas.cli.finding_table import finding_table

        console = stdout()
        console.print(finding_table(found["findings"], console.width))
    say(f"It would have hidden {found['count']} of the findings of the last {found['runs']} drift runs.")


async def _all(caller: "Caller", tenant_id: "UUID") -> list[dict[str, Any]]:
    from atlas.cli.graph import ask

    query = f"""query ($tenant: ID!, $after: String) {{ tenant(by: {{id: $tenant}}) {{
        rules(first: {_PAGE}, after: $after) {{ nodes {{ {_FIELDS} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        data = await ask(caller, query, tenant=_tenant_global_id(tenant_id), after=after)
        page = data["tenant"]["rules"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def _tenant_id(caller: "Caller", name: str) -> "UUID":
    from atlas.cli.caller import tenant_named

    return (await tenant_named(caller.db, caller.of(None), name)).id


def _tenant_global_id(tenant_id: "UUID") -> str:
    from atlas.schema.ids import encode_id

    return encode_id("Tenant", tenant_id, tenant_id)


def _global_id(tenant_id: "UUID", key: "UUID") -> str:
    from atlas.schema.ids import encode_id

    return encode_id("Rule", tenant_id, key)


def _key(global_id: str, tenant_id: "UUID") -> "UUID":
    from atlas.domain.errors import RefusedError
    from atlas.domain.vocabulary import UserErrorCode
    from atlas.schema.ids import decode_id

    decoded = decode_id(global_id, "Rule")
    if decoded is None or decoded.tenant_id != tenant_id:
        raise RefusedError(UserErrorCode.NOT_FOUND, f"There is no rule {global_id!r}. `atlas rule list` shows them.")
    return decoded.key


def _parts(item_type: str | None, path: str | None, subject: str | None, value: str | None) -> "Parts":
    from atlas.domain.rules import Parts

    return Parts(item_type=item_type, path_pattern=path, subject_pattern=subject, value_pattern=value)


def _what(rule: dict[str, Any]) -> str:
    """E.g. `type configurationPolicy, path description`."""
    named = (("type", "itemType"), ("path", "pathPattern"), ("subject", "subjectPattern"), ("value", "valuePattern"))
    return ", ".join(f"{word} {rule[field]}" for word, field in named if rule[field] is not None)
