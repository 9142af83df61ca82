"""The README shows what the demo shows."""

from pathlib import Path

from tests.docs.demo import SHOWN, masked, output, records, shown, total

REFRESH = "refresh it: python -m tests.docs.demo"


def test_the_readme_shows_counts_and_findings_of_the_demo(tmp_path: Path):
    told = output(tmp_path / "home")
    # Findings of one severity come in the order of their ids, which follow from the tenant's.
    head, *found = map(masked, records(shown()))
    there_head, *there = map(masked, records(told))
    assert head == there_head, REFRESH
    assert len(found) == SHOWN
    assert set(found) <= set(there), REFRESH
    assert total(shown()) == total(told), REFRESH
