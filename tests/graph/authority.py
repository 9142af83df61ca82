"""A stand-in for Microsoft's sign-in: over TLS of its own, it gives tokens for a secret or a certificate it knows.

It lets a person sign in by a device code too, and is a platform that gives its identity to whoever runs there.
"""

import asyncio
import base64
import datetime as dt
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

EVERYTHING = (
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementApps.Read.All",
    "DeviceManagementRBAC.Read.All",
    "DeviceManagementServiceConfig.Read.All",
    "DeviceManagementScripts.Read.All",
    "Policy.Read.All",
    "Group.Read.All",
)

USER_CODE, SIGN_IN_PAGE = "A1B2-C3D4", "https://sign-in.example/device"
PLATFORM_HEADER = "of-this-platform"


@dataclass(slots=True)
class Authority:
    """What it knows and how it answers can be changed between requests.

    `token` is given to everybody where it is set; `asked` counts how often one was asked for. A person types the code
    of a device after `pending` questions whether they did; `declined`: they do not want to.
    """

    url: str
    ca: Path
    secret: str = "the client secret of an application"
    roles: Sequence[str] = EVERYTHING
    seconds: int = 3_600
    directory: str | None = None
    token: str | None = None
    refusal: tuple[int, str] | None = None
    pending: int = 0
    declined: bool = False
    asked: int = 0
    forms: list[dict[str, str]] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    def answer(self, directory: str, form: dict[str, str]) -> Response:
        self.asked += 1
        self.forms.append(form)
        if self.refusal is not None:
            return _refused(*self.refusal)
        if form.get("client_secret", self.secret) != self.secret:
            return _refused(401, "AADSTS7000215: Invalid client secret provided for app 'someone@example.org'.")
        if form.get("grant_type", "").endswith(":device_code"):
            return self._of_a_person(directory, form)
        return JSONResponse({"token_type": "Bearer", "expires_in": self.seconds, "access_token": self._next(directory)})

    def of_the_platform(self, header: str | None, asked: dict[str, str]) -> Response:
        """What a platform gives to what runs on it: a token of its own directory."""
        self.asked += 1
        self.forms.append(asked)
        if header != PLATFORM_HEADER:
            return JSONResponse({"statusCode": 403, "message": "no identity for you"}, status_code=403)
        until = str(int(time.time()) + self.seconds)
        token = self._next(self.directory or "")
        return JSONResponse({"token_type": "Bearer", "expires_on": until, "access_token": token, **asked})

    def _of_a_person(self, directory: str, form: dict[str, str]) -> Response:
        if self.declined:
            return JSONResponse({"error": "authorization_declined", "error_description": "of someone@example.org"}, 400)
        if self.pending:
            self.pending -= 1
            return JSONResponse({"error": "authorization_pending", "error_description": "not yet"}, 400)
        now = int(time.time())
        who = {"aud": form["client_id"], "iss": f"{self.url}/{directory}/v2.0", "sub": "someone", "exp": now + 3_600}
        identity = unsigned(who | {"iat": now, "tid": directory, "preferred_username": "someone@example.org"})
        told = {
            "token_type": "Bearer",
            "expires_in": self.seconds,
            "scope": form.get("scope", ""),
            "id_token": identity,
        }
        return JSONResponse(told | {"access_token": self._next(directory)})

    def _next(self, directory: str) -> str:
        token = self.token or token_for(directory=self.directory or directory, roles=self.roles, number=self.asked)
        self.given.append(token)
        return token


def token_for(*, directory: str, roles: Sequence[str], number: int = 0) -> str:
    """An access token as Graph's look, signed by nobody."""
    claims = {"tid": directory, "roles": list(roles), "exp": int(time.time()) + 3_600, "canary": f"t0ken-{number}"}
    return unsigned(claims)


def unsigned(claims: dict[str, Any]) -> str:
    parts = (orjson.dumps({"alg": "none"}), orjson.dumps(claims), b"signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@asynccontextmanager
async def authority_in(folder: Path) -> AsyncIterator[Authority]:
    """Serves until the body ends; `ca` is the file that a client must trust."""
    listener = socket.create_server(("127.0.0.1", 0))
    ca, chain, key = certificates(folder)
    made = Authority(f"https://127.0.0.1:{listener.getsockname()[1]}", ca)

    async def token(request: Request) -> Response:
        form = {name: str(value) for name, value in (await _form(request)).items()}
        return made.answer(request.path_params["directory"], form)

    async def configuration(request: Request) -> Response:
        base = f"{made.url}/{request.path_params['directory']}"
        told = {"issuer": f"{base}/v2.0", "token_endpoint": f"{base}/oauth2/v2.0/token"}
        told |= {"device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode"}
        return JSONResponse(told | {"authorization_endpoint": f"{base}/oauth2/v2.0/authorize"})

    async def device(request: Request) -> Response:
        told = {"device_code": "of-a-device", "user_code": USER_CODE, "verification_uri": SIGN_IN_PAGE}
        return JSONResponse(told | {"expires_in": 60, "interval": 1, "message": "Open it."})

    async def platform(request: Request) -> Response:
        return made.of_the_platform(request.headers.get("x-identity-header"), dict(request.query_params))

    app = Starlette(
        routes=[
            Route("/{directory}/oauth2/v2.0/token", token, methods=["POST"]),
            Route("/{directory}/oauth2/v2.0/devicecode", device, methods=["POST"]),
            Route("/{directory}/v2.0/.well-known/openid-configuration", configuration),
            Route("/platform", platform),
        ]
    )
    config = uvicorn.Config(app, ssl_certfile=chain, ssl_keyfile=key, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:  # noqa: ASYNC110  # A server of uvicorn's tells it in no other way.
            await asyncio.sleep(0.01)
        yield made
    finally:
        server.should_exit = server.force_exit = True
        await serving
        listener.close()


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """A certificate authority, and a certificate of 127.0.0.1 with its key: three PEM files."""
    now = dt.datetime.now(dt.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def certificate(name: str, public: Any, *extensions: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A test's authority")]))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(ca_key, hashes.SHA256())

    of_key = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    signing = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    ca = certificate(
        "A test's authority", ca_key.public_key(),
        (x509.BasicConstraints(ca=True, path_length=None), True), (of_key, False), (signing, True),
    )  # fmt: skip
    server = certificate(
        "127.0.0.1",
        key.public_key(),
        (x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(of_key), False),
    )
    paths = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(server.public_bytes(serialization.Encoding.PEM))
    paths[2].write_bytes(_pem_of(key))
    return paths


def client_certificate() -> bytes:
    """A certificate with its key, as one PEM: what an application signs in with."""
    key, now = rsa.generate_private_key(65537, 2048), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "atlas")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return _pem_of(key) + made.public_bytes(serialization.Encoding.PEM)


def _pem_of(key: Any) -> bytes:
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem


async def _form(request: Request) -> dict[str, str]:
    """Starlette's own forms need a package that nothing else here does."""
    from urllib.parse import parse_qsl

    return dict(parse_qsl((await request.body()).decode()))


def _refused(status: int, description: str) -> Response:
    code = "invalid_client" if status < 500 else "temporarily_unavailable"
    return JSONResponse({"error": code, "error_description": description}, status_code=status)
