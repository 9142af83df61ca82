"""HTTP clients for servers on this machine."""

import ssl
from typing import Any

import httpx

# Loading the machine's certificate authorities takes longer than a request, and none is asked for here.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_of(url: str, **settings: Any) -> httpx.AsyncClient:
    """A client for the plain HTTP of `url`; it could not trust any server over TLS.

    It waits long, unless told: how fast a busy machine answers is for the benchmarks to say.
    """
    return httpx.AsyncClient(base_url=url, verify=_NO_AUTHORITIES, **{"timeout": 30, **settings})
