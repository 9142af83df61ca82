"""What the tests of the documents share: the repository, its files, and how a page is taken apart."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def page(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def files() -> list[Path]:
    """Every file that is, or would be, in the repository."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def pages() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def sections(text: str, level: int) -> Iterator[tuple[str, str]]:
    """(heading, text up to the next heading of this or a higher level)."""
    found = list(re.finditer(rf"^(#{{1,{level}}}) (.+)$", _without_blocks(text), re.MULTILINE))
    for one, following in zip(found, [*found[1:], None], strict=True):
        if len(one[1]) == level:
            yield one[2].strip(), text[one.end() : following.start() if following else len(text)]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables of a text, without head and rule."""
    lines = [line.strip() for line in text.splitlines()]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        for number, line in enumerate(lines)
        if line.startswith("|") and not _is_rule(line) and not (number + 1 < len(lines) and _is_rule(lines[number + 1]))
    ]


def functions(path: str) -> set[str]:
    """The functions of a module of the repository."""
    return {
        node.name for node in ast.parse(page(path)).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _is_rule(line: str) -> bool:
    return re.fullmatch(r"\|[\s:|-]+\|", line) is not None


def _without_blocks(text: str) -> str:
    """The text with its code blocks blanked, so that positions stay what they are."""
    return re.sub(r"^```.*?^```$", lambda block: " " * len(block[0]), text, flags=re.MULTILINE | re.DOTALL)
