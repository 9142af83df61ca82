"""What `atlas up` says once it answers: where, and how to come in."""

import sys
from datetime import UTC, datetime, timedelta

from atlas.cli.output import print_json, say
from atlas.cli.place import Place

_TOKEN_HOURS = 12


async def welcome(place: Place, host: str, port: int, *, as_json: bool) -> None:
    """Tells the addresses, and on a terminal a token for this machine's user, which is written nowhere."""
    from atlas.local import announce

    url = f"http://{_named(host)}:{port}"
    if place.embedded:
        announce(place.home, http_url=url)
    if as_json:
        print_json({"url": url, "graphql": f"{url}/graphql", "console": f"{url}/", "home": _home(place)})
        return
    say(f"Atlas is up: {url}", style="bold green")
    say(f"Console   {url}/")
    say(f"GraphQL   {url}/graphql")
    if not place.settings.trusted_documents_only:
        say(f"Explorer  {url}/graphiql")
    if place.embedded:
        say(f"Home      {place.home}")
        await _tell_token(place)
    say("Ctrl-C ends it.", style="dim")
    sys.stdout.flush()


async def _tell_token(place: Place) -> None:
    """A token is shown to a person only: where the output is no terminal, it may be a log that is kept."""
    from atlas import access
    from atlas.cli.caller import calling, pool

    async with calling(place, None) as caller, pool(place.url("owner_database")) as owner:
        tenants = await access.list_tenants(caller.db, caller.of(None))
        if not tenants:
            say("Next, in another terminal:", style="dim")
            say("          atlas tenant create NAME", style="dim")
            say("          atlas token create --principal me --tenant NAME --role OWNER", style="dim")
            return
        if not sys.stdout.isatty():
            say("A token: atlas token create --principal NAME --tenant NAME --role READER", style="dim")
            return
        expires_at = datetime.now(UTC) + timedelta(hours=_TOKEN_HOURS)
        made = await access.create_own_token(owner, caller.of(tenants[0].id), expires_at=expires_at)
    say(f"Token     {made.token}")
    say(f"          yours, for {_TOKEN_HOURS} hours, in every tenant of yours", style="dim")


def _named(host: str) -> str:
    """The address as a browser on this machine can use it."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  # It is compared, not listened on.
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _home(place: Place) -> str | None:
    return str(place.home) if place.embedded else None
