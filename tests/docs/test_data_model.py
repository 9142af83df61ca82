"""The data model says what the database is."""

import re

from atlas.domain.triage_table import transition_table
from atlas.store.tables import metadata
from tests.docs.reading import page, rows, sections

TEXT = page("specs/044-drift-mvp/data-model.md")
TABLES = dict(sections(dict(sections(TEXT, 2))["Tables"], 3))


def test_every_table_is_told_and_no_other():
    assert set(TABLES) == {table.name for table in metadata.tables.values()}


def test_every_column_is_told_in_its_order_with_a_meaning():
    for table in metadata.tables.values():
        told = rows(TABLES[table.name])
        assert [name for name, _ in told] == [f"`{column.name}`" for column in table.columns], table.name
        assert all(meaning for _, meaning in told), table.name


def test_every_policy_is_told_and_no_other():
    kept = set(re.findall(r"^policy (\w+)\.(\w+) ", page("migrations/snapshot.txt"), re.MULTILINE))
    told = {
        (table, name)
        for table, text in TABLES.items()
        for name in re.findall(r"`((?:api|worker|sweeper|policy)_(?:select|insert|update|delete))`:", text)
    }
    assert kept
    assert told == kept


def test_the_table_of_transitions_is_that_of_the_rules():
    told = [tuple(cells) for cells in rows(dict(sections(TEXT, 2))["What becomes of a finding"])]
    assert told == [
        (
            one.mode.value,
            one.state,
            one.seen,
            one.next_state,
            "yes" if one.is_current else "no",
            "yes" if one.superseded else "no",
            one.occurrences,
        )
        for one in transition_table()
    ]


def test_the_state_machines_show_every_status():
    from atlas.domain import vocabulary

    drawn = dict(sections(dict(sections(TEXT, 2))["State machines"], 3))
    for title, statuses in (
        ("Sync run", vocabulary.SyncRunStatus),
        ("Drift run", vocabulary.DriftRunStatus),
        ("Finding", vocabulary.FindingStatus),
    ):
        arrows = re.findall(r"^ +(\S+) --> (\S+?)(?: :.*)?$", drawn[title], re.MULTILINE)
        assert {end for arrow in arrows for end in arrow} - {"[*]"} == set(statuses), title
