"""Signing in to Microsoft Graph: a credential of each kind as a token, fetched when it is needed and told to nobody."""

import asyncio
import base64
import binascii
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import orjson

from atlas.domain.errors import OperatorError, TemporaryError
from atlas.domain.vocabulary import CredentialKind, GraphCloud

Token = Callable[[], Awaitable[str]]

# A token that ends sooner than this is fetched anew, so that none ends under way.
_MARGIN_SECONDS = 300
_CONNECT_SECONDS, _ANSWER_SECONDS, _TRIES = 10, 20, 2

_MICROSOFTS_CODE = re.compile(r"AADSTS([0-9]{4,8})")
_OAUTH_CODE = re.compile(r"\b(invalid_[a-z]+|unauthorized_client|access_denied|expired_token|authorization_declined)\b")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where tokens come from and where Graph answers. `scope` is what a token is asked for."""

    authority: str
    graph: str
    scope: str
    instance_discovery: bool = True


def _cloud(authority: str, graph: str) -> Endpoints:
    return Endpoints(f"https://{authority}", f"https://{graph}", f"https://{graph}/.default")


# https://learn.microsoft.com/graph/deployments
CLOUDS: Mapping[GraphCloud, Endpoints] = {
    GraphCloud.GLOBAL: _cloud("login.microsoftonline.com", "graph.microsoft.com"),
    GraphCloud.US_GOVERNMENT: _cloud("login.microsoftonline.us", "graph.microsoft.us"),
    GraphCloud.US_GOVERNMENT_DOD: _cloud("login.microsoftonline.us", "dod-graph.microsoft.us"),
    GraphCloud.CHINA: _cloud("login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
}


def endpoints(cloud: GraphCloud, *, graph: str | None = None, authority: str | None = None) -> Endpoints:
    """Those of a cloud, or of the proxy that stands before it. What is asked for is the cloud's own either way."""
    known = CLOUDS[cloud]
    # An authority that Microsoft does not know is looked up nowhere: whoever runs Atlas vouches for it.
    return Endpoints(
        authority or known.authority, graph or known.graph, known.scope, instance_discovery=authority is None
    )


@dataclass(frozen=True, slots=True)
class SignIn:
    """As whom Atlas signs in. `secret` is the client secret or the certificate (PEM) with its key; else None."""

    kind: CredentialKind
    entra_tenant_id: UUID
    client_id: UUID
    secret: bytes | None = field(default=None, repr=False)


class Credential(Protocol):
    """What is used of a credential of azure-identity."""

    def get_token(self, *scopes: str) -> Any: ...

    def close(self) -> None: ...


@asynccontextmanager
async def signed_in(sign_in: SignIn, where: Endpoints) -> AsyncIterator[Token]:
    """The token of this application, fetched at its first use and again before it ends.

    Using it raises `OperatorError` SIGN_IN_REFUSED, WRONG_DIRECTORY, or CREDENTIAL_UNUSABLE, and `TemporaryError`
    SIGN_IN_UNREACHABLE.
    """
    try:
        credential = await asyncio.to_thread(_credential, sign_in, where)
    except ValueError as error:
        # Its text may quote the credential.
        raise _unusable(sign_in.kind) from error
    try:
        yield token_of(credential, where.scope, sign_in.entra_tenant_id)
    finally:
        await asyncio.to_thread(credential.close)


def token_of(credential: Credential, scope: str, entra_tenant_id: UUID) -> Token:
    """Fetches and keeps the credential's token. One that is of another directory is refused."""
    known: list[tuple[str, float]] = []
    fetching = asyncio.Lock()

    async def token() -> str:
        async with fetching:
            if not known or known[0][1] - time.time() < _MARGIN_SECONDS:
                fresh = await asyncio.to_thread(_fetch, credential, scope)
                directory = claims_of(fresh.token).get("tid")
                if directory is not None and str(directory).lower() != str(entra_tenant_id):
                    raise _of_another_directory(entra_tenant_id)
                known[:] = [(str(fresh.token), float(fresh.expires_on))]
            return known[0][0]

    return token


def permissions_of(token: str) -> frozenset[str] | None:
    """What the token lets its bearer do, of the application (`roles`) or the person (`scp`); None where it hides it."""
    claims = claims_of(token)
    roles, scopes = claims.get("roles"), claims.get("scp")
    if not claims:
        return None
    found = [one for one in roles if isinstance(one, str)] if isinstance(roles, list) else []
    return frozenset(found + (scopes.split() if isinstance(scopes, str) else []))


def claims_of(token: str) -> Mapping[str, Any]:
    """The claims of an access token, unverified: it is Graph that checks them. None in a token of another kind."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def device_code(
    entra_tenant_id: UUID, client_id: UUID, where: Endpoints, *, tell: Callable[[str, str], None]
) -> Credential:
    """A person's sign-in at another device, for a first try. `tell` is given the address and the code to type."""
    from azure.identity import DeviceCodeCredential

    made: Credential = DeviceCodeCredential(
        tenant_id=str(entra_tenant_id),
        client_id=str(client_id),
        prompt_callback=lambda address, code, _until: tell(address, code),
        **_options(where),
    )
    return made


def _credential(sign_in: SignIn, where: Endpoints) -> Credential:
    # It takes a third of a second to load, which only a sync needs.
    from azure import identity

    tenant, client = str(sign_in.entra_tenant_id), str(sign_in.client_id)
    options = _options(where)
    made: Credential
    match sign_in.kind, sign_in.secret:
        case CredentialKind.CLIENT_SECRET, bytes() as secret:
            made = identity.ClientSecretCredential(tenant, client, secret.decode(), **options)
        case CredentialKind.CERTIFICATE, bytes() as pem:
            made = identity.CertificateCredential(tenant, client, certificate_data=pem, **options)
        case CredentialKind.WORKLOAD_IDENTITY, None:
            made = identity.WorkloadIdentityCredential(tenant_id=tenant, client_id=client, **options)
        case CredentialKind.MANAGED_IDENTITY, None:
            made = identity.ManagedIdentityCredential(client_id=client)
        case _:
            raise ValueError("a credential without its secret")
    return made


def _options(where: Endpoints) -> dict[str, Any]:
    return {
        "authority": where.authority,
        "disable_instance_discovery": not where.instance_discovery,
        "retry_total": _TRIES,
        "connection_timeout": _CONNECT_SECONDS,
        "read_timeout": _ANSWER_SECONDS,
    }


def _fetch(credential: Credential, scope: str) -> Any:
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import CredentialUnavailableError

    try:
        return credential.get_token(scope)
    except CredentialUnavailableError:
        raise OperatorError(
            "CREDENTIAL_UNUSABLE",
            "There is no such identity where the worker runs.",
            "Give the worker its managed or workload identity, or connect with a secret: `atlas graph connect`.",
        ) from None
    except ClientAuthenticationError as error:
        # What Microsoft answers names people, addresses and ids: its code is all that is told.
        raise _refused(error) from None


def _refused(error: Exception) -> OperatorError:
    text, status = str(error), getattr(getattr(error, "response", None), "status_code", None)
    told = _MICROSOFTS_CODE.search(text)
    other = _OAUTH_CODE.search(text)
    if (told is None and other is None) or status == 429 or (status or 0) >= 500:
        return TemporaryError(
            "SIGN_IN_UNREACHABLE",
            "Microsoft's sign-in gives no answer.",
            "See that the worker reaches it, through a proxy (HTTPS_PROXY) where there is one.",
        )
    code = f"AADSTS{told[1]}" if told else other[1] if other else ""
    why, mend = _REASONS.get(code, ("Microsoft refuses the sign-in", "Look this code up in Microsoft's documentation."))
    return OperatorError("SIGN_IN_REFUSED", f"{why} ({code}).", mend)


_RENEW = "Make a new one in the application's registration, then `atlas graph remove` and `atlas graph connect`."
_CONSENT = "Let an administrator of the directory consent to the application."
# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_REASONS: Mapping[str, tuple[str, str]] = {
    "AADSTS7000215": ("The client secret is wrong", "Give the secret's value, and not its id: `atlas graph connect`."),
    "AADSTS7000222": ("The client secret has expired", _RENEW),
    "AADSTS700027": ("The certificate is not the application's, or has expired", _RENEW),
    "AADSTS700016": ("The directory does not know the application", _CONSENT),
    "AADSTS7000229": ("The application has no service principal in the directory", _CONSENT),
    "AADSTS7000112": ("The application is disabled in the directory", "Let its administrator enable it."),
    "AADSTS90002": ("There is no such directory", "Give the id of the customer's directory, and its cloud."),
    "AADSTS900382": ("The directory is in another cloud", "Name its cloud with --cloud."),
    "AADSTS65001": ("Nobody consented to the application", _CONSENT),
    "AADSTS53003": (
        "A conditional access policy of the directory blocks the sign-in",
        "Let its administrator see why.",
    ),
    "AADSTS70021": ("The directory trusts no such workload", "See issuer, subject and audience of its federation."),
    "AADSTS700213": ("The directory trusts no such workload", "See issuer, subject and audience of its federation."),
}


def _unusable(kind: CredentialKind) -> OperatorError:
    what = {
        CredentialKind.CERTIFICATE: "The certificate is no PEM with its private key, unencrypted.",
        CredentialKind.WORKLOAD_IDENTITY: "The worker has no workload identity (AZURE_FEDERATED_TOKEN_FILE).",
    }.get(kind, "The credential cannot be used.")
    return OperatorError(
        "CREDENTIAL_UNUSABLE", what, "Connect again: `atlas graph remove`, then `atlas graph connect`."
    )


def _of_another_directory(entra_tenant_id: UUID) -> OperatorError:
    return OperatorError(
        "WRONG_DIRECTORY",
        f"The token is of another directory than {entra_tenant_id}, whose inventory this would be.",
        "A managed identity reads its own directory only. For another one connect with a secret or a certificate.",
    )
