"""When a regression that nobody answers is accepted: as it is stored, and as other settings would have it."""

import numpy as np
import pytest

from loadtasks.results.regression import AUTOMATIC, Move, Regression, RegressionState
from loadtasks.results.series import MetricSeries
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.backtest import find_alarms
from loadtasks.verdict.history.unanswered import RecordedAcceptances, RunNumber, SimulatedAcceptances, is_unanswered
from tests.measurements import STARTED_AT
from tests.series import drift, median_series
from tests.stored_runs import DASHBOARD, regression

S = RegressionState


def series(runs: int = 20, *, missing: tuple[int, ...] = ()) -> MetricSeries:
    return median_series(DASHBOARD, np.zeros(runs), missing)


def numbers(*given: MetricSeries) -> list[RunNumber]:
    return sorted({RunNumber(point.sequence, point.run_id) for one in given for point in one.points})


def moved(*moves: tuple[RegressionState, str, int], found: int = 5) -> Regression:
    opened = regression(f"run-{found}", first_run=f"run-{found - 1}")
    later = [
        Move(
            state=state,
            at=STARTED_AT,
            who=who,
            why="",
            sequence=sequence,
            run_id=f"run-{sequence}" if who == AUTOMATIC else None,
        )
        for state, who, sequence in moves
    ]
    return opened.model_copy(
        update={"id": 7, "moves": [opened.moves[0].model_copy(update={"sequence": found}), *later]}
    )


@pytest.mark.parametrize(
    ("found", "limit", "due"),
    [
        (moved(found=5), 14, True),
        (moved(found=5), 15, False),
        (moved(found=5), 0, False),
        (moved((S.ACKNOWLEDGED, "ada", 6)), 3, False),
        (moved((S.ACCEPTED, AUTOMATIC, 12), (S.OPEN, "ada", 13)), 3, False),
        (moved((S.FIXED, AUTOMATIC, 12)), 3, False),
    ],
)
def test_a_regression_is_unanswered_after_so_many_runs_unless_a_person_has_done_anything(
    found: Regression, limit: int, due: bool
) -> None:
    assert is_unanswered(found, series(20), limit) is due


def test_only_runs_that_measured_the_scenario_count_also_where_that_which_found_it_is_gone() -> None:
    assert is_unanswered(moved(found=5), series(20, missing=(7, 8)), 12)
    assert not is_unanswered(moved(found=5), series(20, missing=(7, 8)), 13)
    assert is_unanswered(moved(found=5), series(20, missing=(5,)), 14)


@pytest.mark.parametrize(("missing", "number"), [((), 12), ((3,), 11), ((12,), 11)])
def test_what_was_accepted_is_accepted_in_its_run_or_in_the_last_one_before_it(
    missing: tuple[int, ...], number: int
) -> None:
    other, ours = MetricSeries("sessions.filtered", "", series(20).points[:1]), series(20, missing=missing)
    runs = [run for run in numbers(ours) if run.sequence not in missing]
    recorded = RecordedAcceptances([moved((S.ACCEPTED, AUTOMATIC, 12))], [other, ours], runs)
    due = {run: list(recorded.due(run, lambda _: False)) for run in range(len(runs))}
    assert {run for run, accepted in due.items() if accepted} == {number}
    assert due[number] == [1]


def test_what_a_person_accepted_or_reopened_is_not_accepted_automatically() -> None:
    ours = series(20)
    for moves in ([(S.ACCEPTED, "ada", 12)], [(S.ACCEPTED, AUTOMATIC, 12), (S.OPEN, "ada", 13)]):
        recorded = RecordedAcceptances([moved(*moves)], [ours], numbers(ours))
        assert not any(recorded.due(run, lambda _: True) for run in range(20))


def test_a_simulated_change_is_accepted_once_it_is_shown_unless_people_answered_it() -> None:
    ours = series(20, missing=(8,))

    def simulated(*known: Regression) -> SimulatedAcceptances:
        made = SimulatedAcceptances(known, [ours], numbers(ours), 4)
        made.found(0, 5)
        return made

    assert not simulated().due(8, lambda _: True)  # the ninth run has the number 8: the scenario was left out once
    assert simulated().due(9, lambda _: True) == [0]
    assert simulated().due(9, lambda _: False) == []
    assert simulated(moved((S.ACKNOWLEDGED, "ada", 6))).due(9, lambda _: True) == []
    assert simulated(moved((S.FIXED, AUTOMATIC, 3), found=2)).due(9, lambda _: True) == [0]
    ended = simulated()
    ended.ended(0)
    assert ended.due(15, lambda _: True) == []


def test_a_back_test_finds_a_second_regression_only_where_the_first_one_is_accepted() -> None:
    levels = drift(0.02, runs=120, seed=4)[0]
    levels[30:] += 0.3
    levels[90:] += 0.3
    ours = median_series(DASHBOARD, levels)

    def found(runs: int, *known: Regression) -> list[str]:
        return [alarm.first_run for alarm in find_alarms([ours], [], known, Sensitivity(auto_accept_runs=runs))]

    assert found(30) == ["run-30", "run-90"]
    assert found(0) == ["run-30"]
    assert found(100) == ["run-30"]
    assert found(30, moved((S.ACKNOWLEDGED, "ada", 34), found=31)) == ["run-30"]
