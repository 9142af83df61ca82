"""Conditions as PostgreSQL deparses them, told in words and judged for a role."""

import pytest

from atlas.store.conditions import Extent, extent, read, words

CAPABILITY = "(tenant_id = ( SELECT atlas.tenant_for('{}'::text) AS tenant_for))"
CALLER = """({} = ( SELECT (NULLIF(current_setting('atlas.principal_id'::text, true), ''::text))::uuid AS "nullif"))"""
READ, AUDIT, OWN = CAPABILITY.format("READ"), CAPABILITY.format("READ_AUDIT"), CALLER.format("pinned_by")


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        (READ, "READ"),
        (OWN, "`pinned_by` is the caller"),
        (f"({READ} AND {OWN})", "READ and `pinned_by` is the caller"),
        (f"({AUDIT} OR ((target_type = 'Finding'::text) AND {READ}))",
         "READ_AUDIT or (`target_type` is Finding and READ)"),
        (f"({READ} AND ((pinned_by IS NULL) OR {OWN}))",
         "READ and (`pinned_by` is empty or `pinned_by` is the caller)"),
        ("(status = ANY (ARRAY['NEW'::text, 'ACKNOWLEDGED'::text]))", "`status` is NEW or ACKNOWLEDGED"),
        ("(tenant_id = ( SELECT atlas.tenant_for_job() AS tenant_for_job))", "the lease"),
        ("(tenant_id = ( SELECT atlas.tenant_for_job('sync'::text) AS tenant_for_job))", "the lease of a sync run"),
        ("true", "everything"),
        ("(label <> ' AND ('::text)", "`label <> ' AND ('`"),
        ("(id IN ( SELECT m.id FROM m WHERE ((m.a = 1) AND (m.b = 2))))",
         "`id IN ( SELECT m.id FROM m WHERE ((m.a = 1) AND (m.b = 2)))`"),
    ],
)  # fmt: skip
def test_a_condition_is_told_in_words_and_what_is_not_known_as_it_stands(expression: str, told: str) -> None:
    assert words(read(expression)) == told


@pytest.mark.parametrize(
    ("expression", "held", "expected"),
    [
        (READ, {"READ"}, Extent.ALL),
        (READ, {"READ_AUDIT"}, Extent.NONE),
        (OWN, set(), Extent.SOME),
        (f"({READ} AND {OWN})", {"READ"}, Extent.SOME),
        (f"({READ} AND {OWN})", set(), Extent.NONE),
        (f"({AUDIT} OR {OWN})", set(), Extent.SOME),
        (f"({AUDIT} OR {OWN})", {"READ_AUDIT"}, Extent.ALL),
        (f"({AUDIT} OR ((a = 'B'::text) AND {READ}))", {"READ"}, Extent.SOME),
    ],
)
def test_a_condition_lets_through_what_the_capabilities_allow(
    expression: str, held: set[str], expected: Extent
) -> None:
    assert extent(read(expression), frozenset(held)) is expected
