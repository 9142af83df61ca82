"""Which item types a pair of runs says anything about."""

import pytest

from atlas.domain.evaluation import comparable, evaluate, leave_out
from atlas.domain.vocabulary import CoverageStatus, NotEvaluatedReason


def test_a_type_is_evaluated_when_it_was_read_to_its_end_now_and_before() -> None:
    coverage = {"a": ("COMPLETE", None), "b": ("COMPLETE", None), "c": ("ABSENT", "none"), "d": ("FORBIDDEN", "403")}
    evaluation = evaluate(coverage, {"a", "c", "d"})
    assert evaluation.evaluated == {"a"}
    assert [(one.item_type, one.reason) for one in evaluation.not_evaluated] == [
        ("b", NotEvaluatedReason.NEVER_READ_BEFORE),
        ("c", NotEvaluatedReason.ABSENT),
        ("d", NotEvaluatedReason.INCOMPLETE),
    ]


@pytest.mark.parametrize("status", [one for one in CoverageStatus if one != CoverageStatus.COMPLETE])
def test_no_other_coverage_than_complete_is_evaluated(status: CoverageStatus) -> None:
    evaluation = evaluate({"a": (status, "why")}, {"a"})
    assert not evaluation.evaluated
    assert evaluation.not_evaluated[0].message == "why"


def test_a_type_whose_contents_are_of_another_form_is_taken_out_with_its_reason() -> None:
    evaluation = leave_out(evaluate({"a": ("COMPLETE", None), "b": ("COMPLETE", None)}, {"a", "b"}), {"a"})
    assert evaluation.evaluated == {"b"}
    assert [one.reason for one in evaluation.not_evaluated] == [NotEvaluatedReason.NOT_COMPARABLE]


def test_hashes_compare_within_one_canonical_form_only() -> None:
    assert comparable("c1:aa", "c1:bb")
    assert comparable(None, "c1:bb")
    assert not comparable("c1:aa", "c2:aa")
