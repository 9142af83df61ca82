"""The data model says what the database is."""

import contextlib
import re

from atlas.domain.errors import RefusedError
from atlas.domain.triage import Position, acknowledge, baselined, birth, cleared, expired, reopen
from atlas.domain.triage_table import STATES, transition_table
from atlas.domain.vocabulary import BaselineMode
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


def test_the_state_machine_of_a_finding_has_the_arrows_of_the_rules_and_no_other():
    drawn = dict(sections(dict(sections(TEXT, 2))["State machines"], 3))["Finding"]
    arrows = re.findall(r"^ +(\S+) --> (\S+?)(?: :.*)?$", drawn, re.MULTILINE)
    assert len(arrows) == len(set(arrows))
    assert set(arrows) == births() | by_runs() | by_hand()


def births():
    undone = (None, *STATES.values())
    return {
        ("[*]", birth(where, mode, counterpart).status.value)
        for where in Position
        for mode in BaselineMode
        for counterpart in undone
    }


def by_runs():
    steps = ((one.state, one.next_state) for one in transition_table())
    told = {(re.split("[/,]", before)[0], after.split("/")[0]) for before, after in steps}
    return {(before, after) for before, after in told if before != after}


def by_hand():
    """What people, time, a pin and the end of a cause do to a finding in each state, where they may."""
    steps = set()
    for life in STATES.values():
        for deed in (acknowledge, reopen, expired, baselined, cleared):
            with contextlib.suppress(RefusedError):
                steps.add((life.status.value, deed(life).status.value))
    return {(before, after) for before, after in steps if before != after}
