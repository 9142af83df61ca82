"""The pages in a real browser: they run under their policy, ask this server alone, and show what it answers."""

import asyncio
from pathlib import Path

from atlas.domain.vocabulary import Role
from atlas.store.database import Database
from tests.browser import PATIENCE, Page, opened
from tests.http.conftest import Server, make_caller
from tests.schema.runs import RUNNING, make_sync_run

OPERATION = "document.querySelector('.graphiql-query-editor .CodeMirror')?.CodeMirror.operationName"
EXECUTE = "document.querySelector('.graphiql-execute-button').click()"
RESULT = "document.querySelector('.result-window .CodeMirror').CodeMirror.getValue()"


async def come_in(page: Page, token: str) -> None:
    await page.until("document.querySelector('#enter:not([hidden])') !== null")
    await page.run(f"document.getElementById('token').value = '{token}'")
    await page.run("document.querySelector('#enter button').click()")


def told_nothing_but(page: Page, server: Server) -> None:
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith((f"{server.url}/", "data:"))] == []


async def test_the_explorer_answers_its_examples_and_follows_what_happens(
    server: Server, owner: Database, api: Database, tmp_path: Path
) -> None:
    caller = await make_caller(owner, api, Role.OPERATOR)
    async with opened(f"{server.url}/graphiql", tmp_path) as page:
        await come_in(page, caller.token)
        await page.until("document.querySelectorAll('.graphiql-tab').length === 7")
        await page.until(f"{OPERATION} === 'Viewer'")
        await page.run(EXECUTE)
        await page.until(f"{RESULT}.includes('{caller.tenant.name}')")
        await page.run("[...document.querySelectorAll('.graphiql-tab button[id]')].at(-1).click()")
        # GraphiQL looks a moment after a change which operation there is.
        await page.until(f"{OPERATION} === 'Watch'")
        await page.run(EXECUTE)
        async with asyncio.timeout(PATIENCE):
            while caller.principal_id not in server.app.state.live._streams:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await (await make_sync_run(owner, caller.tenant)).becomes(RUNNING, done=1)
        await page.until(f"{RESULT}.includes('RUNNING')")
        told_nothing_but(page, server)


async def test_a_wrong_token_is_told_and_not_kept(server: Server, tmp_path: Path) -> None:
    async with opened(f"{server.url}/graphiql", tmp_path) as page:
        await come_in(page, "atlas_wrong")
        assert "token" in await page.until("document.getElementById('message').textContent")
        assert await page.run("sessionStorage.length") == 0


async def test_the_console_shows_a_tenant_and_what_happens_in_it(
    server: Server, owner: Database, api: Database, tmp_path: Path
) -> None:
    caller = await make_caller(owner, api)
    async with opened(f"{server.url}/", tmp_path) as page:
        await come_in(page, caller.token)
        await page.until(f"document.getElementById('tenants').textContent === '{caller.tenant.name}'")
        await page.until("document.getElementById('message').textContent === 'Nothing has been synced yet.'")
        await make_sync_run(owner, caller.tenant)
        await page.until("document.getElementById('scopes').textContent.includes('Made by hand')")
        told_nothing_but(page, server)
