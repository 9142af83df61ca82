"""ETags: an answer to a GET that is the same as before is not sent again."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse


def tagged(request: Request, response: Response) -> Response:
    """The answer to a GET that may be kept by whoever asked, and is asked for anew each time: 304 where it is the same.

    Errors carry the id of their request, so that no two are the same.
    """
    if isinstance(response, StreamingResponse) or response.status_code != 200:
        return response
    tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()}"'
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization, Accept"
    if not _matches(request.headers.get("if-none-match", ""), tag):
        return response
    kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
    return Response(status_code=304, headers=kept)


def _matches(asked: str, tag: str) -> bool:
    return asked.strip() == "*" or any(one.strip().removeprefix("W/") == tag for one in asked.split(","))
