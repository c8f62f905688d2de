"""Which regressions belong together."""

from datetime import UTC, datetime

import numpy as np
import pytest

from loadtasks.results.regression import MetricChange, Regression, RegressionState
from loadtasks.verdict.history.findings import compare_scenario
from loadtasks.verdict.history.lifecycle import KnownChanges
from loadtasks.verdict.history.shared_shift import SharedShift, find_shared
from tests.families import compared
from tests.measurements import measurement

pytestmark = pytest.mark.slow

SCENARIOS, RUNS, START = 8, 40, 30
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def medians() -> np.ndarray:
    return np.random.default_rng(7).normal(0, 0.02, (RUNS, SCENARIOS))


def found_in(medians: np.ndarray, run: int, known: list[Regression]) -> SharedShift:
    """What a run finds, given what was known before it."""
    comparisons = compared(medians, [0.0] * RUNS, run).comparisons
    changes = KnownChanges(regressions=known[::-1])
    found = [
        regression
        for scenario, _ in comparisons
        for regression in compare_scenario([measurement(scenario)], comparisons, changes, NOW).found
    ]
    return find_shared(found, known, comparisons)


def lived(medians: np.ndarray, runs: range) -> list[Regression]:
    """The regressions after these runs, saved as the store does it."""
    known: list[Regression] = []
    for run in runs:
        shared = found_in(medians, run, known)
        joined = {number: first_run for first_run, ids in shared.joined.items() for number in ids}
        known = [one.model_copy(update={"shared_since": joined.get(one.id, one.shared_since)}) for one in known]
        known += [one.model_copy(update={"id": len(known) + n}) for n, one in enumerate(shared.found, 1)]
    return known


def test_a_shift_of_all_scenarios_is_one_regression_whenever_each_is_found(medians: np.ndarray) -> None:
    medians[START:] += 0.1
    known = lived(medians, range(START, RUNS))
    assert len(known) == SCENARIOS
    assert len({one.found_run for one in known}) > 1
    (since,) = {one.shared_since for one in known}
    assert since is not None
    assert abs(int(since.removeprefix("run-")) - START) <= 1


@pytest.mark.parametrize("number", [3, 5])
def test_regressions_of_some_scenarios_stand_for_themselves(medians: np.ndarray, number: int) -> None:
    medians[START:, :number] += 0.1
    known = lived(medians, range(START, RUNS))
    assert [one.shared_since for one in known] == [None] * number


def test_one_that_shifted_much_farther_stands_for_itself(medians: np.ndarray) -> None:
    medians[START:] += 0.1
    medians[START:, 2] += 0.3
    known = lived(medians, range(START, RUNS))
    assert [one.scenario for one in known if one.shared_since is None] == ["s2.all"]


def test_who_works_on_it_works_on_what_joins_it(medians: np.ndarray) -> None:
    medians[START:] += 0.1
    known = lived(medians, range(START, START + 4))
    last = known[0].moves[0].model_copy(update={"state": RegressionState.ACKNOWLEDGED, "who": "ada"})
    known = [one.model_copy(update={"moves": [*one.moves, last]}) for one in known]
    joining = [one for run in range(START + 4, RUNS) for one in found_in(medians, run, known).found]
    assert joining
    assert {(one.state, one.moves[-1].who) for one in joining} == {(RegressionState.ACKNOWLEDGED, "ada")}


def test_a_regression_of_an_error_rate_alone_stands_for_itself(medians: np.ndarray) -> None:
    medians[START:] += 0.1
    first, second, *_ = lived(medians, range(START, RUNS))
    assert {first.shared_since, second.shared_since} != {None}
    rate = MetricChange(metric="success_rate", before=1.0, ratio=0.99, low=0.98, high=0.995)
    alone = [one.model_copy(update={"changes": [rate], "shared_since": None}) for one in (first, second)]
    shared = find_shared(alone, [], compared(medians, [0.0] * RUNS).comparisons)
    assert [one.shared_since for one in shared.found] == [None, None]
    both = [one.model_copy(update={"changes": [*one.changes, rate]}) for one in (first, second)]
    shared = find_shared(both, [], compared(medians, [0.0] * RUNS).comparisons)
    assert None not in {one.shared_since for one in shared.found}
