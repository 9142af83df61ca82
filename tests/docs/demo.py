"""What `atlas demo` shows, and the part of it that the README shows. `python -m tests.docs.demo` refreshes that."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs.reading import ROOT, page

SHOWN = 5
_BLOCK = re.compile(r"(?<=<!-- demo -->\n```\n).*?(?=```\n<!-- /demo -->)", re.DOTALL)


def shown() -> str:
    """The block of the README."""
    block = _BLOCK.search(page("README.md"))
    assert block is not None
    return block[0]


def output(home: Path) -> str:
    """What the demo prints in a home of its own, without white space at the end of lines."""
    return "".join(f"{line.rstrip()}\n" for line in _run(home).splitlines())


def excerpt(text: str) -> str:
    """The demo's counts, its first findings and its sum."""
    head, *found = records(text)
    return "".join([head, *found[:SHOWN], " ...\n\n", total(text)])


def total(text: str) -> str:
    (line,) = re.findall(r"^\d+ findings: .*\n", text, re.MULTILINE)
    return str(line)


def records(text: str) -> list[str]:
    """What stands before the first finding, then the lines of each finding of the table."""
    end = re.search(r"^( \.\.\.)?$", text[text.index(" FINDING ") :], re.MULTILINE)
    assert end is not None
    return re.split(r"^(?= [0-9a-f]{8} )", text[: text.index(" FINDING ") + end.start()], flags=re.MULTILINE)


def masked(text: str) -> str:
    """The text without the ids of findings, which follow from the tenant's."""
    return re.sub(r"\b[0-9a-f]{8}\b", "<finding>", text)


def _run(home: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
    said = subprocess.run(
        [sys.executable, "-m", "atlas.cli", "demo", "--exit"],
        cwd=ROOT,
        env={**kept, "ATLAS_HOME": str(home), "COLUMNS": "", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        block = excerpt(output(Path(folder) / "home"))
    (ROOT / "README.md").write_text(_BLOCK.sub(lambda _: block, page("README.md")), encoding="utf-8")
