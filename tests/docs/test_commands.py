"""The README and the quickstart name commands, variables and queries that are there."""

import re

from graphql import build_schema, parse, validate

from atlas.settings import Settings
from tests.docs.commands import complaint, leaves, lines
from tests.docs.reading import ROOT, blocks, page, pages, rows, sections

README = page("README.md")


def test_the_readme_lists_every_command_and_no_other():
    told = [cells[0].strip("`") for cells in rows(dict(sections(README, 2))["Commands"])]
    assert sorted(told) == sorted(" ".join(words) for words in leaves())


def test_every_command_that_a_page_shows_is_understood():
    shown = [
        line for path in pages() for script in blocks(path.read_text(encoding="utf-8"), "sh") for line in lines(script)
    ]
    assert len(shown) > 10
    assert [told for line in shown if (told := complaint(line))] == []


def test_a_command_that_is_not_there_is_found_out():
    assert complaint(["atlas", "sink"]) is not None
    assert complaint(["atlas", "tenant", "create", "contoso", "--colour", "red"]) is not None


def test_the_readme_lists_every_variable_and_no_other():
    told = {cells[0].strip("`") for cells in rows(dict(sections(README, 2))["Environment"])}
    read = {
        name
        for path in (ROOT / "atlas").rglob("*.py")
        for name in re.findall(r"environ(?:\.get\(|\[)\"(ATLAS_\w+)\"", path.read_text(encoding="utf-8"))
    }
    assert told == {f"ATLAS_{name.upper()}" for name in Settings.model_fields} | read


def test_the_readme_tells_the_defaults():
    told = {cells[0].strip("`"): cells[1].strip("`") for cells in rows(dict(sections(README, 2))["Environment"])}
    for name, field in Settings.model_fields.items():
        if field.default is not None:
            assert told[f"ATLAS_{name.upper()}"] == str(field.default)


def test_the_queries_of_the_pages_fit_the_schema():
    schema = build_schema(page("atlas/schema/schema.graphql"))
    shown = [query for path in pages() for query in blocks(path.read_text(encoding="utf-8"), "graphql")]
    assert len(shown) >= 4
    for query in shown:
        assert validate(schema, parse(query)) == [], query


def test_the_query_of_the_quickstart_fits_the_schema():
    body = re.search(r"--data '\{\"query\": \"(.*)\"\}'", page("specs/044-drift-mvp/quickstart.md"))
    assert body is not None
    schema = build_schema(page("atlas/schema/schema.graphql"))
    assert validate(schema, parse(body[1].replace('\\"', '"'))) == []


def test_every_make_command_that_a_page_shows_is_there():
    there = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    shown = {
        name
        for path in pages()
        for name in re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"demo", "test", "lint", "schema"} <= shown
    assert shown - there == set()
