"""A real browser: headless Chromium from a package of npm, spoken to by its own protocol."""

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.node import modules

FOLDER = Path(__file__).parent / "http/browser"
PATIENCE = 20
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0")


@dataclass(slots=True)
class Page:
    """A tab: `requests` are the addresses it asked for, `complaints` what it told its console and did not catch."""

    connection: ClientConnection
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)

    async def listen(self) -> None:
        async for text in self.connection:
            message = json.loads(text)
            told = message.get("params", {})
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message)
            elif message["method"] == "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            elif message["method"] == "Log.entryAdded":
                self.complaints.append(told["entry"]["text"])
            elif message["method"] == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told["exceptionDetails"]))

    async def call(self, method: str, **given: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self.connection.send(json.dumps({"id": number, "method": method, "params": given}))
        message = await asyncio.wait_for(answer, PATIENCE)
        assert "result" in message, message
        return message["result"]

    async def run(self, script: str) -> Any:
        """The value of a script, once it is there."""
        done = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    async def until(self, script: str) -> Any:
        """The first value of a script that is true."""
        async with asyncio.timeout(PATIENCE):
            while not (value := await self.run(script)):  # noqa: ASYNC110  # The page tells nobody.
                await asyncio.sleep(0.05)
        return value


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Page]:
    """The page at `url`, in a browser of its own, which keeps what it knows in `folder`."""
    program, environment = await asyncio.to_thread(_program, folder)
    environment |= {"PATH": os.environ.get("PATH", ""), "HOME": str(folder)}
    command = (program, *_FLAGS, f"--user-data-dir={folder}", "about:blank")
    browser = await asyncio.create_subprocess_exec(*command, env=environment, stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with connect(await _address(folder), max_size=None, proxy=None) as connection:
            page = Page(connection)
            listener = asyncio.create_task(page.listen())
            try:
                for part in ("Page", "Runtime", "Log", "Network"):
                    await page.call(f"{part}.enable")
                await page.call("Page.navigate", url=url)
                yield page
            finally:
                listener.cancel()
    finally:
        browser.terminate()
        await browser.wait()


def _program(folder: Path) -> tuple[str, dict[str, str]]:
    """Where the browser is, and what it needs around it. The package is for Linux; elsewhere CHROMIUM names one."""
    if named := os.environ.get("CHROMIUM"):
        return named, {}
    unpacked = modules(FOLDER).parent / "unpacked"
    fonts = folder / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{unpacked / 'fonts'}</dir><cachedir>{folder}</cachedir></fontconfig>")
    return str(unpacked / "chromium"), {"LD_LIBRARY_PATH": str(unpacked / "al2023/lib"), "FONTCONFIG_FILE": str(fonts)}


async def _address(folder: Path) -> str:
    """Where the browser's first tab is spoken to."""
    told = folder / "DevToolsActivePort"
    async with asyncio.timeout(PATIENCE):
        while not told.is_file() or len(told.read_text().splitlines()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        port = told.read_text().splitlines()[0]
        async with httpx.AsyncClient(trust_env=False) as client:
            tabs = (await client.get(f"http://127.0.0.1:{port}/json")).json()
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
