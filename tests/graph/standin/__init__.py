"""A server that speaks Microsoft Graph as Atlas reads it, over HTTP, and can be told to go wrong in every way.

`with serving(released("3.6")) as graph: ...` and ask `graph.url` with the token `graph.token`.
"""

from tests.graph.standin.faults import (
    Fault,
    cut_settings,
    drop,
    elsewhere,
    empty,
    hang,
    hang_up,
    loop,
    malformed,
    shorten,
    status,
    then,
)
from tests.graph.standin.server import Asked, StandIn, serving
from tests.graph.standin.tenant import RELEASES, MadeUp, Tenant, released

__all__ = [
    "RELEASES", "Asked", "Fault", "MadeUp", "StandIn", "Tenant", "cut_settings", "drop", "elsewhere", "empty", "hang",
    "hang_up", "loop", "malformed", "released", "serving", "shorten", "status", "then",
]  # fmt: skip
