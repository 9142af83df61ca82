"""What a person sees at a terminal and a program does not: progress, and a token to come in with."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from select import select
from uuid import uuid4

import httpx
import orjson

from tests import warm
from tests.cli.conftest import PATIENCE, Atlas, Up, export

HOURS = 12
VIEWER = "{ viewer { principal { kind } memberships(first: 9) { nodes { role tenant { name } } } } }"


class Terminal:
    """A pseudo-terminal that commands write to, and the text that they have written there."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self._came, self.seen = b"", ""

    def until(self, pattern: str) -> re.Match[str]:
        """Reads until the pattern is there."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen)):
            assert self._come(max(0, deadline - time.monotonic())), self.seen
        return found

    def rest(self) -> str:
        """All that was written by now."""
        while self._come(0):
            pass
        return self.seen

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)

    def _come(self, seconds: float) -> bool:
        if not select([self._ours], [], [], seconds)[0]:
            return False
        self._came += os.read(self._ours, 1 << 16)
        self.seen = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", self._came.decode(errors="replace"))
        return True


@contextmanager
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    try:
        yield opened
    finally:
        opened.close()


def test_a_terminal_shows_progress_and_stdout_holds_none_of_it(up: Up, tmp_path: Path) -> None:
    tenant = f"watched-{uuid4().hex[:8]}"
    up.atlas.run("tenant", "create", tenant)
    words = ["sync", "folder", str(export(tmp_path / "watched")), "--tenant", tenant]
    environment = up.atlas.environment | {"TERM": "xterm"}
    with terminal() as seen:
        told = warm.run(words, environment, seconds=PATIENCE, stderr=seen.theirs).stdout
        assert "Reading watched" in seen.rest()
    assert "SUCCEEDED" in told
    assert "Reading" not in told
    assert "\x1b" not in told
    with terminal() as seen:
        told = warm.run([*words, "--json"], environment, seconds=PATIENCE, stderr=seen.theirs).stdout
        assert seen.rest() == ""
    assert orjson.loads(told)["status"] == "SUCCEEDED"


@contextmanager
def watched(atlas: Atlas) -> Iterator[Terminal]:
    """`atlas up` at a terminal for the length of the block, once it has told how to end it."""
    with terminal() as seen, atlas.log.open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "atlas.cli", "up", "--port", "0"],
            env=atlas.environment, stdout=seen.theirs, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            seen.until("Ctrl-C ends it")
            yield seen
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0


def test_up_at_a_terminal_tells_the_way_in(tmp_path: Path) -> None:
    atlas = Atlas(tmp_path / "home")
    with watched(atlas) as seen:
        assert "Token" not in seen.seen
        for told in re.findall(r"^ +atlas (.+?)\r?$", seen.seen, re.MULTILINE):
            atlas.run(*told.split())
        [made] = atlas.json("token", "list", "--tenant", "NAME")
        assert made["role"] == "OWNER"
    with watched(atlas) as seen:
        token, url = seen.until(r"(atlas_\w{49})\b")[1], seen.until(r"http://[\d.:]+")[0]
        asked = datetime.now(UTC)
        answer = httpx.post(
            f"{url}/graphql",
            json={"query": VIEWER},
            headers={"authorization": f"Bearer {token}"},
        ).json()
        mine = [one for one in atlas.json("token", "list", "--tenant", "NAME") if one["hint"] == token[:12]]
    member = {"role": "OWNER", "tenant": {"name": "NAME"}}
    assert "errors" not in answer, answer
    assert answer["data"]["viewer"] == {"principal": {"kind": "USER"}, "memberships": {"nodes": [member]}}
    [ends] = [datetime.fromisoformat(one["expiresAt"]) for one in mine]
    assert asked < ends <= asked + timedelta(hours=HOURS)
