"""The threat model is one page, claims nothing without a test, and tells what is not stopped."""

import re

import pytest

from tests.docs.reading import functions, page, rows, sections

SHORT, TEXT = page("specs/threat-model.md"), page("specs/threat-model-details.md")
SECTIONS = dict(sections(TEXT, 2))
RESIDUAL = "What is not stopped"
CLAIMS = [(title, row) for title, text in SECTIONS.items() if title != RESIDUAL for row in rows(text)]


def test_one_page_has_a_paragraph_for_each_attacker_of_the_details():
    lines = SHORT.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120
    paragraphs = [one for one in SHORT.split("\n\n") if one.startswith("**[")]
    led = [one for each in paragraphs for one in re.findall(r"\(threat-model-details\.md#([\w-]+)\)", each)]
    assert led == [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in SECTIONS]
    for paragraph in paragraphs:
        [(path, name)] = re.findall(r"^`(tests/\S+\.py)::(\w+)`$", paragraph, re.MULTILINE)
        assert name in functions(path), paragraph
        assert f"`{path}::{name}`" in TEXT, paragraph


def test_every_attacker_is_thought_of():
    wanted = ("token", "SQL", "broker", "dump", "key", "audit")
    titles = [title for title in SECTIONS if title != RESIDUAL]
    assert [word for word in wanted if not any(word in title for title in titles)] == []
    assert {title for title, _ in CLAIMS} == set(titles)
    for role in ("atlas_api", "atlas_worker", "atlas_sweeper"):
        assert any(f"as `{role}`" in claim for _, (claim, *_) in CLAIMS), role


@pytest.mark.parametrize(("title", "row"), CLAIMS, ids=[row[0][:60] for _, row in CLAIMS])
def test_each_claim_names_a_test_that_exists(title: str, row: list[str]):
    claim, because, test = row
    named = re.fullmatch(r"`(tests/\S+\.py)::(\w+)`", test)
    assert claim
    assert because
    assert named, test
    assert named[2] in functions(named[1]), test


def test_what_is_not_stopped_is_told_and_shown_where_it_can_be():
    told = SECTIONS[RESIDUAL]
    for risk in ("whomever it names", "pg_stat_activity", "Advisory locks", "NOTIFY", "superuser"):
        assert risk in told
    shown = re.findall(r"`(tests/\S+\.py)::(\w+)`", told)
    assert len(shown) >= 2
    assert all(name in functions(path) for path, name in shown)
