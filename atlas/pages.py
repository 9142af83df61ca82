"""The pages that the server brings: the console, and GraphiQL from the files of an installed package."""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_HTML, _SCRIPT, _STYLE, _TEXT = (f"text/{kind}; charset=utf-8" for kind in ("html", "javascript", "css", "plain"))
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
# GraphiQL's style sheet holds its fonts and a few pictures itself.
_EXPLORER_POLICY = f"{_POLICY}; font-src data:; img-src data:"

_OURS: Mapping[str, tuple[str, str]] = {
    "/": ("index.html", _HTML),
    "/console/console.js": ("console.js", _SCRIPT),
    "/console/console.css": ("console.css", _STYLE),
}
_EXPLORER: Mapping[str, tuple[str, str]] = {
    "/graphiql": ("graphiql.html", _HTML),
    "/console/graphiql.js": ("graphiql.js", _SCRIPT),
    "/console/graphiql.css": ("graphiql.css", _STYLE),
    "/console/examples.graphql": ("examples.graphql", _TEXT),
}
# The page names each of these by its digest, and a browser runs no other bytes.
_PACKAGE = "graphene_django_graphiql_static"
_THEIRS: Mapping[str, str] = {
    "react.production.min.js": _SCRIPT,
    "react-dom.production.min.js": _SCRIPT,
    "graphql-ws.min.js": _SCRIPT,
    "graphiql.min.js": _SCRIPT,
    "graphiql.min.css": _STYLE,
}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_FOLDER = "/console/graphiql-2.4.7"


def console() -> list[Route]:
    """The console at `/`, with its files."""
    return [_page(path, name, kind, _POLICY) for path, (name, kind) in _OURS.items()]


def explorer() -> list[Route]:
    """GraphiQL at `/graphiql`, with its files, ours and those of its release."""
    folder = files(_PACKAGE) / "static" / _PACKAGE
    return [
        *(_page(path, name, kind, _EXPLORER_POLICY) for path, (name, kind) in _EXPLORER.items()),
        *(_route(f"{_FOLDER}/{name}", folder / name, kind, _FOR_EVER) for name, kind in _THEIRS.items()),
    ]


def _page(path: str, name: str, kind: str, policy: str) -> Route:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    return _route(path, files("atlas.console") / name, kind, headers)


def _route(path: str, file: Traversable, kind: str, headers: Mapping[str, str]) -> Route:
    content = file.read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(content, media_type=kind, headers=headers)

    return Route(path, answer)
