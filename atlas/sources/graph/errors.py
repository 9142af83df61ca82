"""What can go wrong with Microsoft Graph. A message names the reason and the mend, never what came back."""

from typing import Final

_KNOWN: Final = {
    401: ("UNAUTHENTICATED", "Graph refused the token (401). Check the connection with `atlas graph probe`."),
    403: ("FORBIDDEN", "Graph refused the request (403)."),
    404: ("NOT_FOUND", "Graph knows no such collection or object (404)."),
    429: ("THROTTLED", "Graph throttled the requests (429) for longer than is waited. Sync again later."),
}
TRANSIENT: Final = frozenset({429, 502, 503, 504})
"""The statuses that are asked again for."""


class GraphError(Exception):
    """A request that gave no usable answer.

    `code` is stable; `status` is the HTTP status where there was one; `retry_after` the seconds that Graph asked to
    wait, or that a caller is told to. `again` says that the same request may succeed if it is sent again.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        again: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.again = again
        self.retry_after = retry_after


class RefusedRequestError(Exception):
    """A request that must never leave: another method than GET, another host. It is a defect, or somebody's trick."""


def status_error(
    status: int, *, unlicensed: bool = False, retry_after: float | None = None, request_id: str | None = None
) -> GraphError:
    """The error that an HTTP status stands for. `unlicensed`: Graph said that the tenant has no licence for it.

    `request_id` is what Microsoft's support finds the request by.
    """
    code, message = _KNOWN.get(status, ("BAD_STATUS", f"Graph answered with status {status}, which is not expected."))
    if unlicensed:
        code, message = "UNLICENSED", f"Graph says that the tenant has no licence for this ({status})."
    elif status in TRANSIENT and status != 429:
        code, message = "UNAVAILABLE", f"Graph could not answer ({status}), more than once. Sync again later."
    if request_id is not None:
        message += f" Microsoft knows it as request {request_id}."
    again = status in TRANSIENT and not unlicensed
    return GraphError(code, message, status=status, again=again, retry_after=retry_after)
