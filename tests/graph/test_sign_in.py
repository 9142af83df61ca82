"""Signing in, against a sign-in of the test's own over TLS: what is told of it, and that nothing of it leaks."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from atlas import logs
from atlas.domain.errors import OperatorError, TemporaryError
from atlas.domain.vocabulary import CredentialKind, GraphCloud
from atlas.settings import Settings
from atlas.sources.graph.sign_in import (
    CLOUDS,
    Endpoints,
    SignIn,
    claims_of,
    device_code,
    endpoints,
    permissions_of,
    signed_in,
    token_of,
)
from tests.graph.authority import (
    EVERYTHING,
    PLATFORM_HEADER,
    SIGN_IN_PAGE,
    USER_CODE,
    Authority,
    authority_in,
    client_certificate,
    token_for,
)


@pytest_asyncio.fixture
async def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Authority]:
    async with authority_in(tmp_path) as made:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.ca))
        yield made


def at(authority: Authority) -> Endpoints:
    return endpoints(GraphCloud.GLOBAL, authority=authority.url)


def application(authority: Authority, **changes: object) -> SignIn:
    given = {"kind": CredentialKind.CLIENT_SECRET, "secret": authority.secret.encode()} | changes
    return SignIn(entra_tenant_id=uuid4(), client_id=uuid4(), **given)  # type: ignore[arg-type]


async def refused(authority: Authority, sign_in: SignIn) -> OperatorError:
    with pytest.raises(OperatorError) as error:
        async with signed_in(sign_in, at(authority)) as token:
            await token()
    return error.value


async def test_a_client_secret_gives_a_token_of_its_directory_once(authority: Authority) -> None:
    sign_in = application(authority)
    async with signed_in(sign_in, at(authority)) as token:
        found = set(await asyncio.gather(*(token() for _ in range(20))))
        assert found == set(authority.given)
    assert authority.asked == 1
    (form,) = authority.forms
    assert (form["client_id"], form["scope"]) == (str(sign_in.client_id), "https://graph.microsoft.com/.default")
    assert permissions_of(authority.given[0]) == set(EVERYTHING)


async def test_a_certificate_signs_in_without_any_secret_leaving(authority: Authority) -> None:
    pem = client_certificate()
    async with signed_in(application(authority, kind=CredentialKind.CERTIFICATE, secret=pem), at(authority)) as token:
        assert await token() == authority.given[0]
    (form,) = authority.forms
    assert "client_secret" not in form
    assert form["client_assertion"].count(".") == 2


async def test_a_workload_signs_in_with_the_token_that_its_platform_wrote(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = tmp_path / "token"
    platform.write_text("of.the.platform")
    workload = application(authority, kind=CredentialKind.WORKLOAD_IDENTITY, secret=None)
    assert (await refused(authority, workload)).code == "CREDENTIAL_UNUSABLE"
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(platform))
    async with signed_in(workload, at(authority)) as token:
        assert await token() == authority.given[0]
    assert authority.forms[0]["client_assertion"] == "of.the.platform"


@pytest.fixture
def platform(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The worker runs where it has a managed identity."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{authority.url}/platform")
    monkeypatch.setenv("IDENTITY_HEADER", PLATFORM_HEADER)
    return authority


async def test_a_managed_identity_is_given_by_the_platform(platform: Authority) -> None:
    managed = application(platform, kind=CredentialKind.MANAGED_IDENTITY, secret=None)
    platform.directory = str(managed.entra_tenant_id)
    async with signed_in(managed, at(platform)) as token:
        assert await token() == platform.given[0]
    (asked,) = platform.forms
    assert (asked["resource"], asked["client_id"]) == ("https://graph.microsoft.com", str(managed.client_id))


async def test_the_managed_identity_of_another_directory_is_never_used(platform: Authority) -> None:
    platform.directory = str(uuid4())
    managed = application(platform, kind=CredentialKind.MANAGED_IDENTITY, secret=None)
    assert (await refused(platform, managed)).code == "WRONG_DIRECTORY"


async def test_a_platform_that_gives_no_identity_is_told_without_its_words(
    platform: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "of-another-platform")
    error = await refused(platform, application(platform, kind=CredentialKind.MANAGED_IDENTITY, secret=None))
    assert error.mend
    assert "no identity for you" not in str(error)
    assert "of-another-platform" not in str(error)


async def by_device(authority: Authority) -> tuple[list[tuple[str, str]], str, UUID]:
    """What a person is told, the token that their sign-in gives, and the directory."""
    told: list[tuple[str, str]] = []
    directory, where = uuid4(), at(authority)
    credential = device_code(directory, uuid4(), where, tell=lambda address, code: told.append((address, code)))
    try:
        return told, await token_of(credential, where.scope, directory)(), directory
    finally:
        credential.close()


async def test_a_person_signs_in_at_another_device(authority: Authority) -> None:
    authority.pending = 1
    told, token, directory = await by_device(authority)
    assert told == [(SIGN_IN_PAGE, USER_CODE)]
    assert (token, claims_of(token)["tid"]) == (authority.given[0], str(directory))
    assert authority.asked == 2
    assert all("client_secret" not in form for form in authority.forms)


async def test_a_person_who_declines_is_told_so(authority: Authority) -> None:
    authority.declined = True
    with pytest.raises(OperatorError) as error:
        await by_device(authority)
    assert (error.value.code, "authorization_declined" in error.value.message) == ("SIGN_IN_REFUSED", True)
    assert "someone" not in str(error.value)


@pytest.mark.parametrize("cloud", list(GraphCloud))
async def test_a_token_is_asked_for_the_graph_of_its_own_cloud(authority: Authority, cloud: GraphCloud) -> None:
    where = endpoints(cloud, authority=authority.url)
    async with signed_in(application(authority), where) as token:
        await token()
    assert authority.forms[0]["scope"] == f"{CLOUDS[cloud].graph}/.default"
    assert where.graph == CLOUDS[cloud].graph


async def test_a_token_that_ends_soon_is_fetched_anew(authority: Authority) -> None:
    authority.seconds = 200
    async with signed_in(application(authority), at(authority)) as token:
        await token()
        await token()
    assert authority.asked == 2


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ("AADSTS7000222: The provided client secret keys for app 'someone@example.org' are expired.", "has expired"),
        ("AADSTS700016: Application with identifier 'x' was not found in the directory 'Contoso'.", "does not know"),
        ("AADSTS999999: Something new about someone@example.org.", "refuses the sign-in (AADSTS999999)"),
        ("", "refuses the sign-in (invalid_client)"),
    ],
)
async def test_a_refusal_is_told_by_its_code_and_the_mend(authority: Authority, description: str, told: str) -> None:
    authority.refusal = (401, description)
    error = await refused(authority, application(authority))
    assert (error.code, told in error.message) == ("SIGN_IN_REFUSED", True)
    assert error.mend
    assert "someone" not in str(error)
    assert not isinstance(error, TemporaryError)


async def test_a_sign_in_that_is_away_may_come_back(authority: Authority) -> None:
    authority.refusal = (503, "down for someone@example.org")
    error = await refused(authority, application(authority))
    assert (error.code, type(error)) == ("SIGN_IN_UNREACHABLE", TemporaryError)
    nobody = Endpoints("https://127.0.0.1:9", "https://graph.microsoft.com", "x/.default", instance_discovery=False)
    with pytest.raises(TemporaryError):
        async with signed_in(application(authority), nobody) as token:
            await token()


async def test_the_token_of_another_directory_is_never_used(authority: Authority) -> None:
    authority.directory = str(uuid4())
    assert (await refused(authority, application(authority))).code == "WRONG_DIRECTORY"


@pytest.mark.parametrize("pem", [b"no certificate", client_certificate().split(b"-----BEGIN CERT")[0]])
async def test_what_is_no_certificate_with_its_key_is_refused(authority: Authority, pem: bytes) -> None:
    error = await refused(authority, application(authority, kind=CredentialKind.CERTIFICATE, secret=pem))
    assert error.code == "CREDENTIAL_UNUSABLE"
    assert pem.decode()[:20] not in str(error)


async def test_nothing_of_a_sign_in_is_logged(authority: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        logs.configure("json", level=logging.DEBUG)
        async with signed_in(application(authority), at(authority)) as token:
            await token()
        await refused(authority, application(authority, secret=b"a wr0ng secret"))
        logging.getLogger("atlas").info("told")
    finally:
        root.handlers, root.level = handlers, level
    told = capsys.readouterr().err
    assert "told" in told
    for secret in (authority.secret, "wr0ng", "AADSTS", authority.given[0], authority.given[0].split(".")[1], "127.0"):
        assert secret not in told


async def test_one_that_looks_at_a_sign_in_sees_no_secret(authority: Authority) -> None:
    assert authority.secret not in repr(application(authority))


async def test_a_credential_is_asked_by_one_at_a_time() -> None:
    directory, calls = uuid4(), []

    class Slow:
        def get_token(self, *scopes: str) -> object:
            calls.append(scopes)
            return type("T", (), {"token": token_for(directory=str(directory), roles=()), "expires_on": 1e12})()

        def close(self) -> None: ...

    token = token_of(Slow(), "scope", directory)
    await asyncio.gather(*(token() for _ in range(10)))
    assert calls == [("scope",)]


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.!!.c", "a.W10.c"])
def test_a_token_that_hides_its_claims_tells_no_permissions(token: str) -> None:
    assert claims_of(token) == {}
    assert permissions_of(token) is None


def test_a_person_has_the_permissions_of_the_scopes() -> None:
    claims = "eyJzY3AiOiJQb2xpY3kuUmVhZC5BbGwgR3JvdXAuUmVhZC5BbGwifQ"
    assert permissions_of(f"e30.{claims}.s") == {"Policy.Read.All", "Group.Read.All"}


def test_each_cloud_has_its_own_addresses() -> None:
    assert set(CLOUDS) == set(GraphCloud)
    assert len({one.graph for one in CLOUDS.values()}) == len(GraphCloud)
    proxied = endpoints(GraphCloud.CHINA, graph="https://proxy.example")
    assert proxied.scope == "https://microsoftgraph.chinacloudapi.cn/.default"
    assert (proxied.graph, proxied.instance_discovery) == ("https://proxy.example", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("graph_url", "http://graph.example"),
        ("graph_url", "https://someone@graph.example"),
        ("graph_url", "graph.example"),
        ("graph_authority", "http://127.0.0.1:8080"),
    ],
)
def test_tokens_and_secrets_leave_this_machine_over_tls_only(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="an address like https"):
        Settings(**{name: value})
    assert Settings(graph_url="http://127.0.0.1:8080", graph_authority="https://login.example").graph_url
