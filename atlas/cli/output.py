"""What a person sees: consoles, tables, progress; and JSON for programs, alone on stdout."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table


class Progress(Protocol):
    """Moves a bar; `what` says beside it what is under way."""

    def __call__(self, done: int, total: int | None, what: str | None = None) -> None: ...


# Where nobody's terminal says how wide it is, lines may be as long as a wide one.
_WIDE = 120


def stdout() -> "Console":
    return _console(sys.stdout)


def stderr() -> "Console":
    return _console(sys.stderr)


def print_json(value: object) -> None:
    """Writes one JSON value in UTF-8, indented, with a newline behind it."""
    import orjson

    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def printable(text: str) -> str:
    """Text of a tenant's objects for a terminal: whatever steers one is shown as a replacement character."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def table(*columns: str, title: str | None = None, right: Sequence[str] = ()) -> "Table":
    """A plain table whose columns named in `right` hold numbers."""
    from rich import box
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def row(made: "Table", *cells: "str | int | float | RenderableType | None") -> None:
    """Adds a row; text is shown as it is, never read as markup."""
    from rich.text import Text

    def cell(value: Any) -> Any:
        if value is None:
            return ""
        return Text(printable(value)) if isinstance(value, str) else str(value) if isinstance(value, int) else value

    made.add_row(*map(cell, cells))


def say(text: str, *, style: str = "", error: bool = False) -> None:
    """One line of plain text."""
    from rich.text import Text

    (stderr() if error else stdout()).print(Text(printable(text), style=style), soft_wrap=True)


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[Progress]:
    """A bar on stderr that the body moves by (done, total); nothing where nobody watches."""
    console = stderr()
    if quiet or not console.is_terminal:
        yield lambda _done, _total, _what=None: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def move(done: int, total: int | None, what: str | None = None) -> None:
            bar.update(task, completed=done, total=total, description=None if what is None else printable(what))

        yield move


def _console(stream: TextIO) -> "Console":
    from rich.console import Console

    width = None if stream.isatty() or os.environ.get("COLUMNS") else _WIDE
    return Console(file=stream, width=width, highlight=False)
