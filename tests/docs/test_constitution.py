"""Each principle names tests that fail when it is broken; they must exist."""

import re
import tomllib

import pytest

from tests.docs.reading import functions, page, sections

PRINCIPLES = dict(sections(page("specs/constitution.md"), 2))


def test_there_are_eight_principles():
    assert [int(title.partition(".")[0]) for title in PRINCIPLES] == list(range(1, 9))


@pytest.mark.parametrize("title", PRINCIPLES)
def test_a_principle_names_tests_that_exist(title: str):
    tests = re.findall(r"^- `(tests/\S+\.py)::(\w+)`$", PRINCIPLES[title], re.MULTILINE)
    contracts = re.findall(r'^- `pyproject\.toml`: "(.+)"$', PRINCIPLES[title], re.MULTILINE)
    assert tests
    assert len(tests) + len(contracts) == PRINCIPLES[title].count("\n- ")
    for path, name in tests:
        assert name in functions(path), path
    kept = tomllib.loads(page("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    assert set(contracts) <= {contract["name"] for contract in kept}
