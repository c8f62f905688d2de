"""Controls in the comparison of a run: what is excused, what is not, and what they show."""

import numpy as np
import pytest

from loadtasks.results.findings.codes import FindingCode
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.verdict.history.environment import environment_findings
from loadtasks.verdict.history.series_judgement import DetectorState
from tests.families import compared, names
from tests.measurements import measurement

SCENARIOS, RUNS, START = 6, 40, 30
CONTROL = names(SCENARIOS)[0]


@pytest.fixture
def calm() -> tuple[np.ndarray, np.ndarray]:
    """Medians of the scenarios and the null server, in logarithms, before anything happens."""
    random = np.random.default_rng(6)
    return random.normal(0, 0.02, (RUNS, SCENARIOS)), random.normal(0, 0.03, RUNS)


def states(comparisons: dict[tuple[str, str], BaselineComparison]) -> list[DetectorState]:
    """The state of the median of each scenario."""
    return [comparison.metrics["p50_s"].judgement.state for comparison in comparisons.values()]


def codes(comparison: BaselineComparison) -> list[tuple[FindingCode, str]]:
    found = environment_findings(measurement(comparison.series.scenario), comparison)
    return [(finding.code, finding.metric) for finding in found]


def test_a_busy_neighbour_is_the_environment_and_one_slower_endpoint_is_a_regression(calm) -> None:
    medians, control = calm
    medians[START:] += 0.25
    control[START:] += 0.3
    medians[START:, 3] += 0.1
    found = compared(medians, control)
    expected = [DetectorState.NORMAL] * SCENARIOS
    expected[3] = DetectorState.REGRESSED
    assert states(found.comparisons) == expected
    for comparison in found.comparisons.values():
        assert codes(comparison) == [(FindingCode.ENVIRONMENT_CHANGED, "p50_s")]
        move = comparison.metrics["p50_s"].environment
        assert (move.control, move.first_run) == ("null_server", f"run-{START}")
        assert move.size == pytest.approx(0.25, abs=0.04)
        assert move.control_size == pytest.approx(0.3, abs=0.04)
    (reading,) = found.controls
    assert reading.moved_since == f"run-{START}"
    assert reading.usual_s == pytest.approx(30e-6, rel=0.03)
    change = found.comparisons[names(4)[3], ""].metrics["p50_s"].change
    assert change.ratio == pytest.approx(1.1, abs=0.04)
    assert change.before == pytest.approx(0.01 * np.exp(0.25), rel=0.04)  # in the environment of today


def test_only_a_control_excuses(calm) -> None:
    medians, control = calm
    medians[START:] += 0.1
    found = compared(medians, control)
    assert set(states(found.comparisons)) == {DetectorState.REGRESSED}
    assert [codes(comparison) for comparison in found.comparisons.values()] == [[]] * SCENARIOS
    assert [reading.moved_since for reading in found.controls] == [None]


def test_a_scenario_may_be_a_control_and_never_regresses(calm) -> None:
    medians, control = calm
    medians[START:] += 0.3
    found = compared(medians, control, scenarios=[CONTROL])
    assert set(states(found.comparisons)) == {DetectorState.NORMAL}
    assert all(codes(one) == [(FindingCode.ENVIRONMENT_CHANGED, "p50_s")] for one in found.comparisons.values())
    assert {reading.name for reading in found.controls} == {CONTROL, "null_server"}
    medians[START:, 1:] -= 0.3  # now it alone is slower
    alone = compared(medians, control, scenarios=[CONTROL])
    assert set(states(alone.comparisons)) == {DetectorState.NORMAL}
    assert [bool(codes(one)) for one in alone.comparisons.values()] == [True] + [False] * (SCENARIOS - 1)


def test_errors_are_excused_by_nothing(calm) -> None:
    medians, control = calm
    control[START:] += 0.3
    found = compared(medians, control)
    assert all(comparison.metrics["success_rate"].environment is None for comparison in found.comparisons.values())


def test_a_service_without_controls_is_compared_as_ever(calm) -> None:
    medians, control = calm
    medians[START:] += 0.1
    found = compared(medians, control[:0])
    assert set(states(found.comparisons)) == {DetectorState.REGRESSED}
    assert found.controls == []
