"""The command line as a tree, and whether a line that a document prints would be understood."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import typer

from atlas.cli.commands import app


@cache
def leaves() -> dict[tuple[str, ...], Any]:
    """(words) -> command, of every command that does something."""
    return dict(_leaves(typer.main.get_command(app), ("atlas",)))


def _leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield words, command
        return
    for name, child in children.items():
        yield from _leaves(child, (*words, name))


def lines(script: str) -> list[list[str]]:
    """The words of each `atlas ...` in a shell script, wherever it stands in a line."""
    found = re.findall(r"(?:^|\s)(atlas (?!:)[^&|;>\n]+)", script.replace("\\\n", " "))
    return [shlex.split(line, comments=True) for line in found]


def complaint(words: list[str]) -> str | None:
    """What is wrong with a line, or None."""
    command = next((one for key, one in leaves().items() if tuple(words[: len(key)]) == key), None)
    if command is None:
        return f"no such command: {shlex.join(words)}"
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - known - {"--help"}
    return f"no such option: {', '.join(sorted(unknown))} in {shlex.join(words)}" if unknown else None
