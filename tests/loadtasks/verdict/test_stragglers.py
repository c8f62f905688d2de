"""Responses after the profile's duration are noted where they are many."""

import pytest

from loadtasks.results.findings.availability import Stragglers
from loadtasks.results.findings.codes import FindingCode
from loadtasks.verdict import stragglers
from tests.measurements import measurement


def test_many_are_noted_once_for_the_whole() -> None:
    whole = measurement(times_s=[1.0] * 40, stragglers=2, duration_s=20.0)
    (note,) = stragglers.notes([whole, whole.model_copy(update={"part": "things"})])
    assert (note.code, note.part) == (FindingCode.STRAGGLERS, "")
    assert note.parameters == Stragglers(stragglers=2, completed=40, duration_s=20.0)


@pytest.mark.parametrize(("late", "duration_s"), [(1, 20.0), (0, 20.0), (0, None)])
def test_few_are_no_finding(late: int, duration_s: float | None) -> None:
    measured = measurement(times_s=[1.0] * 40, stragglers=late, duration_s=duration_s)
    assert list(stragglers.notes([measured])) == []
    assert list(stragglers.notes([measurement(times_s=[], failed=3, duration_s=20.0)])) == []
