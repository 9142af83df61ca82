"""The glossary: one meaning a term, and nothing in it that is not there."""

from collections import Counter

from graphql import GraphQLObjectType, build_schema

from atlas.store.tables import metadata
from tests.docs.reading import page, rows

ENTRIES = rows(page("specs/glossary.md"))
SCHEMA = build_schema(page("atlas/schema/schema.graphql"))


def test_each_term_has_one_meaning():
    terms = Counter(term for term, *_ in ENTRIES)
    assert terms
    assert [term for term, times in terms.items() if times > 1] == []
    assert all(meaning.endswith(".") for _, meaning, *_ in ENTRIES)


def test_every_type_that_is_named_is_in_the_schema_and_every_node_is_named_once():
    named = Counter(type_.strip("`") for _, _, type_, _ in ENTRIES if type_)
    assert set(named) - set(SCHEMA.type_map) == set()
    assert max(named.values()) == 1
    node = SCHEMA.type_map["Node"]
    nodes = {
        name
        for name, type_ in SCHEMA.type_map.items()
        if isinstance(type_, GraphQLObjectType) and node in type_.interfaces
    }
    assert nodes
    assert nodes - set(named) == set()


def test_every_table_is_named_once():
    named = Counter(table.strip("`") for *_, table in ENTRIES if table)
    assert max(named.values()) == 1
    # A principal is one term with the type and the table of its name.
    assert set(named) == {table.name for table in metadata.tables.values()}
