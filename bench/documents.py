"""`python -m bench documents`: how long a document is looked at before it is executed, up to the largest allowed."""

import argparse
import gc
import sys
import time
from collections.abc import Callable

from graphql import GraphQLError
from rich.console import Console
from rich.table import Table

from atlas.schema.limits import examine
from atlas.schema.root import schema

ROUNDS = 5
FRAGMENTS = (10, 20, 40, 80, 160)


def run(_given: argparse.Namespace) -> None:
    shown = Table(title="Documents of nested fragments: looked at in ms, and us a character", title_justify="left")
    for column in ("family", "fragments", "characters", "ms", "us a character", "verdict"):
        shown.add_column(column, justify="left" if column in {"family", "verdict"} else "right")
    for name, family in FAMILIES.items():
        for number in FRAGMENTS:
            text = family(number)
            milliseconds, verdict = looked_at(text)
            a_character = milliseconds * 1000 / len(text)
            shown.add_row(name, str(number), f"{len(text):,}", f"{milliseconds:.1f}", f"{a_character:.1f}", verdict)
        shown.add_section()
    Console(width=None if sys.stdout.isatty() else 110).print(shown)


def looked_at(text: str) -> tuple[float, str]:
    """The least processor time of some rounds in milliseconds, and what became of the document."""
    best, verdict = float("inf"), ""
    gc.disable()
    try:
        for _ in range(ROUNDS):
            started = time.process_time()
            try:
                errors = examine(schema._schema, text).errors  # noqa: SLF001
                verdict = str((errors[0].extensions or {})["code"]) if errors else "valid"
            except GraphQLError:
                verdict = "too many tokens"
            best = min(best, time.process_time() - started)
    finally:
        gc.enable()
    return best * 1000, verdict


def chain(number: int) -> str:
    """Each fragment spreads the next."""
    links = (f"fragment F{n} on Tenant {{ name ...F{n + 1} }}" for n in range(number))
    return _document("...F0", *links, f"fragment F{number} on Tenant {{ id }}")


def deeper(number: int) -> str:
    """Each fragment spreads the next, and selects the same list of objects."""
    links = (f"fragment F{n} on Tenant {{ scopes(first: 1) {{ nodes {{ key }} }} ...F{n + 1} }}" for n in range(number))
    return _document("...F0", *links, f"fragment F{number} on Tenant {{ id }}")


def beside(number: int) -> str:
    """All fragments are spread in one place, and select the same."""
    spreads = " ".join(f"...F{n}" for n in range(number))
    return _document(spreads, *(f"fragment F{n} on Tenant {{ name id }}" for n in range(number)))


def doubled(number: int) -> str:
    """Each fragment spreads the next twice: what it expands to doubles with each line."""
    links = (f"fragment F{n} on Tenant {{ ...F{n + 1} ...F{n + 1} }}" for n in range(number))
    return _document("...F0", *links, f"fragment F{number} on Tenant {{ id }}")


def _document(selected: str, *fragments: str) -> str:
    return "\n".join([f'{{ tenant(by: {{name: "contoso"}}) {{ {selected} }} }}', *fragments])


FAMILIES: dict[str, Callable[[int], str]] = {"chain": chain, "deeper": deeper, "beside": beside, "doubled": doubled}

if __name__ == "__main__":
    run(argparse.Namespace())
