"""The reference among the documents: it is of this schema, and leaves nothing of a schema out."""

from pathlib import Path

from graphql import build_schema

from atlas.schema.reference import page
from atlas.schema.root import schema

ROOT = Path(__file__).resolve().parents[2]

SMALL = '''
"""Who asks."""
interface Named {
  """What it is called."""
  name: String!
}

"""What is asked."""
type Query implements Named {
  """What it is called."""
  name: String!

  """Some | all."""
  list(
    """How many."""
    first: Int! = 3

    """Only these."""
    only: Only

    """Of a kind."""
    kind: Kind = BIG
  ): [String!] @deprecated(reason: "Ask for names.")
}

"""Exactly one."""
input Only @oneOf {
  """By name."""
  name: String

  """By size."""
  size: Int
}

"""How large."""
enum Kind {
  """Very."""
  BIG

  """Hardly."""
  SMALL @deprecated(reason: "None is.")
}
'''


def test_the_kept_reference_is_that_of_the_code() -> None:
    assert (ROOT / "specs/graphql-reference.md").read_text() == page(schema._schema), "run `make schema`"


def test_every_member_has_a_line_with_its_type_and_its_meaning() -> None:
    lines = page(build_schema(SMALL)).splitlines()
    for line in (
        "## Queries",
        "| `name` | [`String!`](#string) | What it is called. |",
        "| `list` | [`[String!]`](#string) | Some \\| all. **Deprecated:** Ask for names. |",
        "| `(first)` | [`Int!`](#int) `= 3` | How many. |",
        "| `(only)` | [`Only`](#only) | Only these. |",
        "| `(kind)` | [`Kind`](#kind) `= BIG` | Of a kind. |",
        "### Named",
        "Who asks.",
        "Exactly one of these is given.",
        "| `size` | [`Int`](#int) | By size. |",
        "| `BIG` | Very. |",
        "| `SMALL` | Hardly. **Deprecated:** None is. |",
        "### Int",
    ):
        assert line in lines, line
