"""An OpenID Connect issuer of the tests: real HTTP on loopback, real keys, and answers that can be made to go wrong.

It signs with `cryptography` alone, so that the library under test does not check its own work.
"""

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

AUDIENCE = "atlas-of-the-tests"
DISCOVERY, JWKS = "/realm/.well-known/openid-configuration", "/realm/keys"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey
Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id that its public part is published by."""

    kid: str
    algorithm: str
    private: PrivateKey

    def sign(self, message: bytes) -> bytes:
        private = self.private
        if isinstance(private, rsa.RSAPrivateKey):
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
            return private.sign(message, pss if self.algorithm == "PS256" else padding.PKCS1v15(), hashes.SHA256())
        if isinstance(private, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(self.sign_der(message))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return private.sign(message)

    def sign_der(self, message: bytes) -> bytes:
        assert isinstance(self.private, ec.EllipticCurvePrivateKey)
        return self.private.sign(message, ec.ECDSA(hashes.SHA256()))

    @property
    def jwk(self) -> dict[str, Any]:
        public = self.private.public_key()
        named = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            return {**named, "kty": "RSA", "n": number(numbers.n, 256), "e": number(numbers.e, 3)}
        if isinstance(public, ec.EllipticCurvePublicKey):
            point = public.public_numbers()
            return {**named, "kty": "EC", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)}
        return {**named, "kty": "OKP", "crv": "Ed25519", "x": encode(public.public_bytes_raw())}


@cache
def make_key(kid: str, algorithm: str = "ES256") -> SigningKey:
    """The same for the same words: keys of RSA take their time."""
    if algorithm in {"RS256", "PS256"}:
        return SigningKey(kid, algorithm, rsa.generate_private_key(65537, 2048))
    if algorithm == "ES256":
        return SigningKey(kid, algorithm, ec.generate_private_key(ec.SECP256R1()))
    return SigningKey(kid, algorithm, Ed25519PrivateKey.generate())


@dataclass(eq=False, slots=True)
class Issuer:
    """`answers` are what a path gives instead of the truth; `asked` are the paths that were asked for, in order."""

    port: int = 0
    keys: list[SigningKey] = field(default_factory=list)
    answers: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    pause: float = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/realm"

    @property
    def fetches(self) -> int:
        return self.asked.count(DISCOVERY)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a good token of somebody; a change to None leaves the claim out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": AUDIENCE, "sub": "somebody", "iat": now, "nbf": now, "exp": now + 600}
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, key: SigningKey | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Signed by the key, or the first that is published."""
        key = key or self.keys[0]
        named = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT", **(header or {})}
        return compact({k: v for k, v in named.items() if v is not None}, self.claims(**claims), key.sign)

    def answer(self, path: str) -> Answer:
        if path in self.answers:
            return self.answers[path]()
        found = {
            DISCOVERY: {"issuer": self.url, "jwks_uri": f"http://127.0.0.1:{self.port}{JWKS}"},
            JWKS: {"keys": [key.jwk for key in self.keys]},
        }.get(path)
        return as_json(found) if found is not None else (404, {}, b"")


@asynccontextmanager
async def running_issuer(*keys: SigningKey) -> AsyncIterator[Issuer]:
    issuer = Issuer(keys=list(keys))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        issuer.asked.append(path)
        await asyncio.sleep(issuer.pause)
        status, headers, body = issuer.answer(path)
        lines = [f"HTTP/1.1 {status} Answer", "connection: close", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Whoever asked may go away before the end, or have read enough.
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await answer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    issuer.port = server.sockets[0].getsockname()[1]
    async with server:
        yield issuer


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    return status, {"content-type": "application/json", **headers}, json.dumps(value).encode()


def compact(header: Any, payload: Any, sign: Callable[[bytes], bytes]) -> str:
    """Three parts; a header or payload of bytes stands as it is."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    message = ".".join(encode(part) for part in parts).encode()
    return f"{message.decode()}.{encode(sign(message))}"


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int, size: int) -> str:
    return encode(value.to_bytes(size, "big"))
