"""Findings about what becomes of changes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.regression import AUTOMATIC, Move, Regression, RegressionState
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.verdict.history.findings import ComparedScenario, compare_scenario
from loadtasks.verdict.history.lifecycle import KnownChanges, find_unanswered
from tests.loadtasks.verdict.history.test_replay import compared, first_regressed, noise
from tests.measurements import STARTED_AT, measurement
from tests.stored_runs import DASHBOARD, SESSIONS, regression

NOW = datetime(2026, 11, 28, tzinfo=UTC)
FOUND = regression("run-31", first_run="run-30").model_copy(update={"id": 7})


@pytest.fixture(scope="module")
def creeping() -> BaselineComparison:
    return compared(noise(430) + np.linspace(0, 0.06, 430))


@pytest.fixture(scope="module")
def slow() -> BaselineComparison:
    """Run 59, slower since run 30."""
    return compared(noise(60) + np.where(np.arange(60) >= 30, 0.3, 0.0))


@pytest.fixture(scope="module")
def normal() -> BaselineComparison:
    """Run 59, as fast as ever, of a scenario of which nothing but the median is known."""
    calm = compared(noise(60))
    return replace(calm, metrics={"p50_s": calm.metrics["p50_s"]})


def compare(comparison: object, known: KnownChanges) -> ComparedScenario:
    return compare_scenario([measurement(DASHBOARD)], {(DASHBOARD, ""): comparison}, known, NOW)


def of_code(findings: Sequence[Finding], code: FindingCode) -> list[Finding]:
    return [finding for finding in findings if finding.code is code]


def moved(found: Regression, *moves: tuple[RegressionState, str, str | None]) -> Regression:
    later = [Move(state=state, at=STARTED_AT, who=who, why="", run_id=run_id) for state, who, run_id in moves]
    return found.model_copy(update={"moves": [*found.moves, *later]})


def test_creep_is_reported_by_one_run_until_somebody_accepts_a_later_level(creeping: BaselineComparison) -> None:
    found = compare(creeping, KnownChanges())
    (finding,) = of_code(found.findings, FindingCode.CREEP)
    (record,) = found.creeps
    assert (record.run_id, record.anchor_run, record.findings) == ("run-429", "run-0", (finding,))
    assert (finding.metric, finding.parameters.anchor_run) == ("p50_s", "run-0")
    assert finding.observed == finding.limit * finding.parameters.ratio
    for run_id, reported in (("run-300", []), ("run-0", [record])):  # run 0 began the anchor: it was accepted
        known = KnownChanges(creeps=[record.model_copy(update={"run_id": run_id})])
        assert compare(creeping, known).creeps == reported
    elsewhere = CreepRecord(run_id="run-300", scenario=DASHBOARD, part="a", anchor_run="run-0", findings=(finding,))
    assert compare(creeping, KnownChanges(creeps=[elsewhere])).creeps == [record]


def test_what_nobody_answers_is_accepted_by_a_run_that_shows_it(
    slow: BaselineComparison, normal: BaselineComparison
) -> None:
    due = KnownChanges(regressions=[FOUND], unanswered={7})
    accepted = compare(slow, due)
    assert (accepted.accepted, accepted.found, accepted.recovered) == ([7], [], [])
    (finding,) = of_code(accepted.findings, FindingCode.ACCEPTED_AUTOMATICALLY)
    assert (finding.parameters.regression, finding.parameters.runs) == (7, 28)
    assert finding.parameters.metrics[0].metric == "p50_s"
    assert not of_code(accepted.findings, FindingCode.REGRESSION)
    still_open = compare(slow, KnownChanges(regressions=[FOUND]))
    assert (still_open.accepted, len(of_code(still_open.findings, FindingCode.REGRESSION))) == ([], 1)
    back = compare(normal, due)  # a run that doesn't show it is no run to accept it
    assert (back.accepted, back.recovered) == ([], [7])


def test_what_scenarios_share_is_accepted_at_once_as_soon_as_one_is_due_and_shown(
    slow: BaselineComparison, normal: BaselineComparison
) -> None:
    shared = [
        FOUND.model_copy(update={"id": number, "scenario": scenario, "shared_since": "run-30", "found_run": found_run})
        for number, scenario, found_run in ((7, DASHBOARD, "run-31"), (8, SESSIONS, "run-58"))
    ]

    def due(comparison: object, known: Sequence[Regression] = shared) -> set[int]:
        return find_unanswered(known, {(DASHBOARD, ""): comparison}, "run-59", newest=True, limit=20)

    assert due(slow) == {7, 8}
    assert due(normal) == set()
    assert due(slow, [shared[0], moved(shared[1], (RegressionState.ACKNOWLEDGED, "ada", None))]) == set()
    back = compare(normal, KnownChanges(regressions=[shared[0]], unanswered={7, 8}))
    assert (back.accepted, back.recovered) == ([7], [])
    (finding,) = of_code(back.findings, FindingCode.ACCEPTED_AUTOMATICALLY)
    assert [one.metric for one in finding.parameters.metrics] == [change.metric for change in FOUND.changes]


def test_only_the_newest_run_accepts_and_an_earlier_one_what_it_has_accepted_before(slow: BaselineComparison) -> None:
    comparisons = {(DASHBOARD, ""): slow}

    def due(found: Regression, *, newest: bool = True, limit: int = 20) -> set[int]:
        return find_unanswered([found], comparisons, "run-59", newest=newest, limit=limit)

    assert due(FOUND) == {7}
    assert due(FOUND, newest=False) == due(FOUND, limit=29) == set()
    for limit in (0, 29):
        assert due(moved(FOUND, (RegressionState.ACCEPTED, AUTOMATIC, "run-59")), newest=False, limit=limit) == {7}
    assert due(moved(FOUND, (RegressionState.ACCEPTED, AUTOMATIC, "run-58"))) == set()
    assert due(moved(FOUND, (RegressionState.ACKNOWLEDGED, "ada", None))) == set()


def test_what_was_answered_of_a_scenario_keeps_what_was_found_after_it_open(
    slow: BaselineComparison, normal: BaselineComparison
) -> None:
    later = FOUND.model_copy(update={"id": 8, "found_run": "run-35"})
    reopened = moved(FOUND, (RegressionState.ACCEPTED, AUTOMATIC, "run-33"), (RegressionState.OPEN, "ada", None))
    comparisons = {(DASHBOARD, ""): slow}
    assert find_unanswered([later, reopened], comparisons, "run-59", newest=True, limit=20) == set()
    both = compare(slow, KnownChanges(regressions=[later, reopened]))
    assert {one.parameters.regression for one in of_code(both.findings, FindingCode.REGRESSION)} == {7}
    assert compare(normal, KnownChanges(regressions=[later, reopened])).recovered == [7, 8]


def test_a_regression_names_the_gain_that_it_takes_back() -> None:
    levels = noise(90)
    levels[30:] -= 0.2
    levels[70:] += 0.3
    (finding,) = of_code(compare(first_regressed(levels, 70), KnownChanges()).findings, FindingCode.REGRESSION)
    assert finding.parameters.gain.ratio > 1
    assert finding.parameters.gain.before > finding.limit


def test_a_raised_threshold_is_said_with_the_dismissals_that_raised_it(creeping: BaselineComparison) -> None:
    history = replace(creeping.metrics["p50_s"], threshold_raised=1.26, creep=None)
    comparison = replace(creeping, metrics={**creeping.metrics, "p50_s": history})
    known = KnownChanges(dismissed=[FOUND.model_copy(update={"id": number}) for number in (8, 7)])
    (finding,) = compare(comparison, known).findings
    assert (finding.code, finding.metric) == (FindingCode.THRESHOLD_RAISED, "p50_s")
    assert (finding.parameters.log_odds, finding.parameters.dismissed) == (1.26, (7, 8))
