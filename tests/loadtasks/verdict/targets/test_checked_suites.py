"""Suites that were found to be right are not tried again, and nothing else is left out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.scenarios.files import read_scenarios
from loadtasks.verdict.targets import checked_suites, suite_check
from loadtasks.verdict.targets.checked_suites import CheckedSuites
from loadtasks.verdict.targets.evaluation import Evaluation, Outcome, SuiteRows
from loadtasks.verdict.targets.suites import Suite, read_suites
from tests.workspaces import SHIPPED_EXPECTATIONS, SHIPPED_SCENARIOS

SCENARIOS = read_scenarios(SHIPPED_SCENARIOS)


class Trier:
    """Stands in for Great Expectations, which takes seconds."""

    def __init__(self) -> None:
        self.times = 0
        self.problem: str | None = None

    def __call__(self, work: Sequence[SuiteRows], *_: object) -> Evaluation:
        self.times += 1
        (suite, *_rest) = work
        outcome = Outcome(suite.suite.expectations[0], suite.rows, problem=self.problem)
        return Evaluation(((suite, (outcome,)),))


@pytest.fixture
def trier(monkeypatch: pytest.MonkeyPatch) -> Trier:
    made = Trier()
    monkeypatch.setattr(suite_check, "evaluate", made)
    return made


@pytest.fixture
def suites() -> list[Suite]:
    return [suite for suite in read_suites(SHIPPED_EXPECTATIONS) if suite.name == "dashboard"]


def test_what_was_found_to_be_right_is_not_tried_again(tmp_path: Path, trier: Trier, suites: list[Suite]) -> None:
    for _ in range(2):
        suite_check.check_suites(suites, SCENARIOS, known=CheckedSuites(tmp_path / "checked"))
    assert trier.times == 1


def test_another_limit_another_row_and_another_version_are_tried(
    tmp_path: Path, trier: Trier, suites: list[Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = CheckedSuites(tmp_path / "checked")
    first, *others = suites[0].expectations
    other_limit = replace(first, raw=first.raw | {"kwargs": first.kwargs | {"max_value": 7}})
    changed = [replace(suites[0], expectations=(other_limit, *others))]
    one_less = {name: scenario for name, scenario in SCENARIOS.items() if name != "dashboard.sustained"}
    suite_check.check_suites(suites, SCENARIOS, known=known)
    suite_check.check_suites(changed, SCENARIOS, known=known)
    suite_check.check_suites(suites, one_less, known=known)
    monkeypatch.setattr(checked_suites, "version", lambda _package: "99")
    suite_check.check_suites(suites, SCENARIOS, known=known)
    assert trier.times == 4


def test_a_wrong_suite_stays_wrong(tmp_path: Path, trier: Trier, suites: list[Suite]) -> None:
    trier.problem = "no such column"
    for _ in range(2):
        with pytest.raises(BadInputError, match="no such column"):
            suite_check.check_suites(suites, SCENARIOS, known=CheckedSuites(tmp_path / "checked"))
    assert trier.times == 2


@pytest.mark.parametrize("path", ["missing/checked", "."])
def test_where_nothing_can_be_kept_they_are_tried_each_time(
    tmp_path: Path, trier: Trier, suites: list[Suite], path: str
) -> None:
    for _ in range(2):
        suite_check.check_suites(suites, SCENARIOS, known=CheckedSuites(tmp_path / path))
    assert trier.times == 2
    assert list(tmp_path.iterdir()) == []


def test_the_file_does_not_grow_for_ever(tmp_path: Path, trier: Trier, suites: list[Suite]) -> None:
    file = tmp_path / "checked"
    file.write_text("".join(f"{number}\n" for number in range(500)))
    suite_check.check_suites(suites, SCENARIOS, known=CheckedSuites(file))
    kept = file.read_text().split()
    assert len(kept) == 100
    assert kept[-2] == "499", "the newest stay"
