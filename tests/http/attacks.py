"""Forged tokens, each with the reason for which it must be refused."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.http.issuer import AUDIENCE, Issuer, SigningKey, compact, encode, make_key

EC, RSA, ED = make_key("ec"), make_key("rsa", "RS256"), make_key("ed", "EdDSA")
STRANGER_EC, STRANGER_RSA = SigningKey("ec", "ES256", make_key("stranger").private), make_key("stranger", "RS256")

Forge = Callable[[Issuer], str]


def header(**changes: Any) -> Forge:
    return lambda issuer: issuer.token(EC, header=changes)


def claims(**changes: Any) -> Forge:
    return lambda issuer: issuer.token(EC, **changes)


def raw_header(template: str) -> Forge:
    return lambda issuer: compact(template.encode(), issuer.claims(), EC.sign)


def raw_claims(change: Callable[[str], str | bytes]) -> Forge:
    def forge(issuer: Issuer) -> str:
        changed = change(json.dumps(issuer.claims()))
        return compact(named(EC), changed if isinstance(changed, bytes) else changed.encode(), EC.sign)

    return forge


def raw_expiry(value: str) -> Forge:
    return raw_claims(lambda good: good[:-1].replace('"exp"', '"x"') + f',"exp":{value}}}')


def named(key: SigningKey, **changes: Any) -> dict[str, Any]:
    return {"alg": key.algorithm, "kid": key.kid, "typ": "JWT", **changes}


def unsigned(name: str) -> Forge:
    return lambda issuer: compact(named(EC, alg=name), issuer.claims(), lambda _: b"")


def mac(secret: Callable[[], bytes], **changes: Any) -> Forge:
    """The confusion of a public key with a secret: everybody knows the key."""
    return lambda issuer: compact(
        named(RSA, **changes), issuer.claims(), lambda message: hmac.new(secret(), message, hashlib.sha256).digest()
    )


def public(encoding: Encoding, form: PublicFormat) -> Callable[[], bytes]:
    return lambda: RSA.private.public_key().public_bytes(encoding, form)


def signature(change: Callable[[bytes], bytes], key: SigningKey = EC) -> Forge:
    return lambda issuer: compact(named(key), issuer.claims(), lambda message: change(key.sign(message)))


def text(change: Callable[[str], str]) -> Forge:
    return lambda issuer: change(issuer.token(EC))


def encrypted(issuer: Issuer) -> str:
    kind = {"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "rsa", "cty": "JWT"}
    return ".".join(encode(part) for part in (json.dumps(kind).encode(), b"k" * 256, b"i" * 12, b"c" * 64, b"t" * 16))


def another_subject(issuer: Issuer) -> str:
    head, _, tail = issuer.token(EC).split(".")
    return f"{head}.{encode(json.dumps(issuer.claims(sub='somebody else')).encode())}.{tail}"


def unencoded(issuer: Issuer) -> str:
    """RFC 7797: a payload that is signed as it stands."""
    head = encode(json.dumps(named(EC, b64=False, crit=["b64"])).encode())
    payload = encode(json.dumps(issuer.claims()).encode())
    return f"{head}.{payload}.{encode(EC.sign(f'{head}.{payload}'.encode()))}"


def own_key(name: str, value: Any) -> Forge:
    return lambda issuer: issuer.token(STRANGER_EC, header={name: value})


PEM, DER = (public(kind, PublicFormat.SubjectPublicKeyInfo) for kind in (Encoding.PEM, Encoding.DER))
PKCS1 = public(Encoding.PEM, PublicFormat.PKCS1)

ATTACKS: dict[str, tuple[Forge, str]] = {
    # No signature, and algorithms that are not allowed, in every spelling.
    **{f"alg {name}": (unsigned(name), "algorithm") for name in ("none", "None", "NONE", "nOnE", "", " none")},
    **{f"alg {name!r}": (header(alg=name), "algorithm") for name in ("es256", "ES256 ", "ES256\x00", "ES384", "RS512")},
    "alg null": (header(alg=None), "malformed"),
    "alg a list": (header(alg=["ES256"]), "algorithm"),
    "alg an object": (header(alg={"ES256": 1}), "algorithm"),
    # Keys and algorithms confused.
    "the public key as a secret, PEM": (mac(PEM, alg="HS256"), "algorithm"),
    "the public key as a secret, DER": (mac(DER, alg="HS256"), "algorithm"),
    "the public key as a secret, PKCS1": (mac(PKCS1, alg="HS256"), "algorithm"),
    "the empty secret": (mac(lambda: b"", alg="HS256"), "algorithm"),
    "a mac that calls itself RS256": (mac(PEM), "signature"),
    "ES256 by the key of RSA": (header(kid="rsa"), "unknown_key"),
    "RS256 by the key of EC": (lambda issuer: issuer.token(RSA, header={"kid": "ec"}), "unknown_key"),
    "EdDSA by the key of EC": (lambda issuer: issuer.token(ED, header={"kid": "ec"}), "unknown_key"),
    "PS256 where the key says RS256": (lambda issuer: issuer.token(RSA, header={"alg": "PS256"}), "unknown_key"),
    # Keys that are the attacker's own.
    "another key by the same name": (lambda issuer: issuer.token(STRANGER_EC), "signature"),
    "another key of RSA": (lambda issuer: issuer.token(STRANGER_RSA, header={"kid": "rsa"}), "signature"),
    "a key that is not published": (lambda issuer: issuer.token(STRANGER_RSA), "unknown_key"),
    "jwk": (own_key("jwk", STRANGER_EC.jwk), "header"),
    "jku": (own_key("jku", "http://127.0.0.1:1/keys"), "header"),
    "x5u": (own_key("x5u", "http://127.0.0.1:1/chain"), "header"),
    "x5c": (own_key("x5c", ["MIIB"]), "header"),
    # The key's id is a name in a table, and nothing else.
    **{
        f"kid {kid}": (header(kid=kid), "unknown_key")
        for kid in (
            "../../../../dev/null", "/etc/passwd", "file:///dev/null", "http://127.0.0.1:1/key",
            "ec' or '1'='1", "ec\x00", "EC", " ec", "*", "x" * 1000,
        )
    },
    **{f"kid {kid!r}": (header(kid=kid), "header") for kid in (None, "", 0, True, ["ec"], {"ec": 1})},
    # Headers that would have the token read in another way.
    "crit": (header(crit=["exp"], exp=1), "header"),
    "crit of nothing": (header(crit=[]), "header"),
    "unencoded payload": (unencoded, "header"),
    "zip": (header(zip="DEF"), "header"),
    "typ of another use": (header(typ="logout+jwt"), "type"),
    "typ a list": (header(typ=["JWT"]), "type"),
    "duplicated alg": (raw_header('{"alg":"none","kid":"ec","alg":"ES256"}'), "malformed"),
    "duplicated kid": (raw_header('{"alg":"ES256","kid":"x","kid":"ec"}'), "malformed"),
    "header in UTF-16": (
        lambda issuer: compact(json.dumps(named(EC)).encode("utf-16"), issuer.claims(), EC.sign), "malformed",
    ),
    "header a list": (raw_header('["ES256"]'), "malformed"),
    "header of nothing": (raw_header(""), "malformed"),
    "huge header": (header(more="x" * 4000), "malformed"),
    "deep payload": (raw_claims(lambda _: "[" * 10_000), "malformed"),
    # Encryption and nesting.
    "JWE": (encrypted, "malformed"),
    "nested": (
        lambda issuer: compact(named(EC, cty="JWT"), issuer.token(EC).encode(), EC.sign), "header",
    ),
    "nested without saying so": (
        lambda issuer: compact(named(EC), issuer.token(EC).encode(), EC.sign), "malformed",
    ),
    "JSON serialization": (
        lambda issuer: json.dumps(
            dict(zip(("protected", "payload", "signature"), issuer.token(EC).split("."), strict=True)),
            separators=(",", ":"),
        ),
        "malformed",
    ),
    # Signatures.
    "empty signature": (signature(lambda _: b""), "signature"),
    "signature in DER": (lambda issuer: compact(named(EC), issuer.claims(), EC.sign_der), "signature"),
    "signature of zeros": (signature(lambda raw: bytes(len(raw))), "signature"),
    "signature cut": (signature(lambda raw: raw[:-1]), "signature"),
    "signature with more": (signature(lambda raw: raw + b"\x00"), "signature"),
    "signature of another algorithm": (lambda issuer: compact(named(EC), issuer.claims(), ED.sign), "signature"),
    "signature with a flipped bit": (signature(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), ED), "signature"),
    "signature of RSA cut": (signature(lambda raw: raw[1:], RSA), "signature"),
    "signature as huge": (signature(lambda raw: raw * 100), "malformed"),
    "another payload under the signature": (another_subject, "signature"),
    # The text of a token.
    "no token": (lambda _: "x", "malformed"),
    "dots": (lambda _: "..", "malformed"),
    "two parts": (text(lambda token: token.rpartition(".")[0]), "malformed"),
    "four parts": (text(lambda token: token + ".x"), "malformed"),
    "padding": (text(lambda token: token + "=="), "signature"),
    "other alphabet": (text(lambda token: token.replace(".", ".+", 1)), "malformed"),
    "upper case": (text(str.upper), "malformed"),
    "another token behind it": (text(lambda token: f"{token},{token}"), "malformed"),
    "a token of ours before it": (text(lambda token: f"{token} atlas_x"), "signature"),
    "huge": (claims(more="x" * 16_000), "too_long"),
    # Whose, and for whom.
    **{
        f"iss {iss!r}": (claims(iss=iss), "issuer")
        for iss in (None, "", "https://login.example.org", "local", "atlas:x", 1, True, ["x"], {"x": 1})
    },
    "iss with a slash": (lambda issuer: issuer.token(EC, iss=issuer.url + "/"), "issuer"),
    "iss in a list": (lambda issuer: issuer.token(EC, iss=[issuer.url]), "issuer"),
    **{
        f"aud {aud!r}": (claims(aud=aud), "audience")
        for aud in (
            None, "", "another", [], ["another"], [[AUDIENCE]], {AUDIENCE: 1}, 1, AUDIENCE.upper(), AUDIENCE + " ",
            f"another,{AUDIENCE}",
        )
    },
    # When.
    "expired": (lambda issuer: issuer.token(EC, exp=int(time.time()) - 61), "expired"),
    "expired for long": (claims(exp=1), "expired"),
    **{
        f"exp {exp!r}": (claims(exp=exp), "times")
        for exp in (None, "9999999999", -1, 10**12, 10**30, 1e300, True, [9999999999], {}, "")
    },
    "exp infinite": (raw_expiry("Infinity"), "malformed"),
    "exp beyond a float": (raw_expiry("1e999"), "times"),
    "exp of 5000 digits": (raw_expiry("9" * 5000), "malformed"),
    "exp not a number": (raw_expiry("NaN"), "malformed"),
    "not yet valid": (lambda issuer: issuer.token(EC, nbf=int(time.time()) + 65), "not_yet_valid"),
    "issued in the future": (lambda issuer: issuer.token(EC, iat=int(time.time()) + 65), "not_yet_valid"),
    "nbf a text": (claims(nbf="0"), "times"),
    "iat null": (raw_claims(lambda good: good.replace('"iat": ', '"iat": null, "x": ')), "times"),
    # Who.
    **{
        f"sub {sub!r}": (claims(sub=sub), "subject")
        for sub in (None, "", 1, True, ["somebody"], {}, "x" * 256, "some\x00body", "\ud800", "some\nbody", "jemånd")
    },
    # Claims that two readers could read differently.
    "duplicated sub": (raw_claims(lambda good: good[:-1] + ',"sub":"somebody else"}'), "malformed"),
    "duplicated exp": (raw_claims(lambda good: good[:-1] + ',"exp":9999999999}'), "malformed"),
    "duplicated deep down": (raw_claims(lambda good: good[:-1] + ',"x":{"y":1,"y":2}}'), "malformed"),
    "claims a list": (raw_claims(lambda good: f"[{good}]"), "malformed"),
    "claims of nothing": (raw_claims(lambda _: ""), "malformed"),
    "claims in UTF-16": (raw_claims(lambda good: good.encode("utf-16")), "malformed"),
    "claims behind a byte order mark": (raw_claims(lambda good: "\ufeff" + good), "malformed"),
    "claims that are no text": (raw_claims(lambda good: good.encode() + b"\xff"), "malformed"),
    "claims with more behind": (raw_claims(lambda good: good + "{}"), "malformed"),
}  # fmt: skip
