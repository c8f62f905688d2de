"""Error rates against their baseline, run by run; `benchmarks.verdict.error_rates` simulates many more."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history.baselines import MIN_BASELINE_RUNS
from loadtasks.verdict.history.error_rates import ErrorRateDetector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.rate_change import RateChange
from loadtasks.verdict.history.series_judgement import DetectorState, Judgement

TEN, ONE = 0.1 / 10, 0.1
"""The shares of an error rate in the budget of ten scenarios, and of one."""
Failed = int | Sequence[int]


def judge(
    runs: Sequence[Failed],
    requests: int,
    share: float = TEN,
    then: Callable[[ErrorRateDetector, Judgement], None] = lambda *_: None,
    accept_improvements: bool = True,
) -> list[Judgement]:
    """One series' judgements; of each run the failed requests, of several repetitions a sequence."""
    detector = ErrorRateDetector([share], FalseAlarmBudget(100), accept_improvements)
    judged = []
    for run in runs:
        first, *again = [run] if isinstance(run, int) else run
        detector.begin_run(np.array([[first, requests]]))
        for failed in again:
            detector.add_repetition(np.array([[failed, requests]]))
        judged += detector.judge()
        then(detector, judged[-1])
    return judged


def raised(judged: Sequence[Judgement], state: DetectorState = DetectorState.REGRESSED) -> list[int]:
    return [run for run, judgement in enumerate(judged) if judgement.raised and judgement.state is state]


def found(judged: Sequence[Judgement]) -> RateChange:
    """The change of the first alarm."""
    change = next(judgement.change for judgement in judged if judgement.raised)
    assert isinstance(change, RateChange)
    return change


@pytest.mark.parametrize(("failed", "within"), [(50, 3), (10, 10)])
def test_errors_where_there_were_none_are_found_within_a_few_runs(failed: int, within: int) -> None:
    judged = judge([0] * 30 + [failed] * 10, 10_000)
    (run,) = raised(judged)
    assert 30 <= run < 30 + within
    change = found(judged)
    assert (change.first, change.errors.failed_before, change.errors.requests_before) == (30, 0, 300_000)
    assert change.errors.low < failed / 10_000 < change.errors.high
    assert change.low < change.size == -failed / 10_000 < change.high < 0
    assert {judgement.state for judgement in judged[run:]} == {DetectorState.REGRESSED}


def test_a_burst_of_one_run_is_none_but_one_in_all_of_its_repetitions_is() -> None:
    over = judge([*[0] * 30, [2000, 0, 0], *[0] * 10], 10_000)
    assert not raised(over)
    assert not raised(judge([*[0] * 30, 2000, *[0] * 10], 10_000))
    assert raised(judge([*[0] * 30, [100] * 4], 500, ONE)) == [30]


@pytest.mark.parametrize("requests", [20, 100, 500])
def test_a_single_failed_request_is_no_regression(requests: int) -> None:
    judged = judge([0] * 40 + [1] + [0] * 10, requests)
    assert {judgement.state for judgement in judged[MIN_BASELINE_RUNS:]} == {DetectorState.NORMAL}


def test_a_young_baseline_shows_what_is_beyond_doubt_and_counts_its_runs() -> None:
    judged = judge([0, [500] * 4, [500] * 4], 500, ONE)
    assert (judged[0].state, judged[0].missing_runs) == (DetectorState.LEARNING, MIN_BASELINE_RUNS - 1)
    assert raised(judged) == [1]
    assert not raised(judge([0, [5] * 4, 0, 0], 500, ONE))


def test_a_rise_below_the_minimum_effect_is_never_reported() -> None:
    assert not raised(judge([100] * 30 + [150] * 60, 10_000))
    assert not raised(judge([0] * 30 + [8] * 60, 100_000))


@pytest.mark.parametrize(
    ("failed", "again", "state"),
    [(30, 30, DetectorState.SUSPECTED), (30, 0, DetectorState.NORMAL), (2000, 0, DetectorState.NORMAL)],
)
def test_what_could_be_a_regression_is_repeated_and_suspected(failed: int, again: int, state: DetectorState) -> None:
    detector = ErrorRateDetector([TEN, TEN], FalseAlarmBudget(100))
    for _ in range(30):
        detector.observe(np.array([[0, 10_000], [0, 10_000]]))
    detector.begin_run(np.array([[failed, 10_000], [0, 10_000]]))
    assert detector.repetitions_due() == [RepetitionReason.SUSPECT, None]
    detector.add_repetition(np.array([[again, 10_000], [0, 0]]))
    repeated, once = detector.judge()
    assert (repeated.state, once.state) == (state, DetectorState.NORMAL)
    assert detector.repetitions_due() == [RepetitionReason.SUSPECT if again else None, None]


def test_a_series_recovers_from_a_regression_and_is_watched_again() -> None:
    judged = judge([0] * 30 + [50] * 5 + [0] * 5 + [50] * 3, 10_000)
    assert [run for run, judgement in enumerate(judged) if judgement.recovered] == [36]
    assert judged[35].state is DetectorState.RECOVERING
    assert raised(judged) == [31, 41]


def test_an_accepted_rise_is_the_baseline_and_a_dismissed_one_raises_the_threshold() -> None:
    raised_by: list[float] = []

    def accept(detector: ErrorRateDetector, judgement: Judgement) -> None:
        if judgement.raised:
            detector.accept(0)

    def dismiss(detector: ErrorRateDetector, judgement: Judgement) -> None:
        if judgement.raised:
            detector.dismiss(0)
        raised_by.append(detector.threshold_raised(0))

    runs = [0] * 30 + [50] * 20 + [500] * 3
    accepted = judge(runs, 10_000, then=accept)
    assert raised(accepted) == [31, 51]
    before = [judgement.change for judgement in accepted if judgement.raised][1]
    assert isinstance(before, RateChange)
    assert before.errors.rate_before == pytest.approx(0.005)
    dismissed = [judgement for judgement in judge(runs, 10_000, then=dismiss) if judgement.raised]
    firsts = [judgement.change.first for judgement in dismissed if judgement.change is not None]
    assert firsts[0] == 30
    assert all(first > 31 for first in firsts[1:])
    assert raised_by[30] == 0 < raised_by[34] < raised_by[31] == 1


def test_a_gain_is_the_baseline_at_once_so_that_its_loss_is_a_regression() -> None:
    judged = judge([50] * 30 + [0] * 15 + [50] * 4, 10_000)
    (gained,) = raised(judged, DetectorState.IMPROVED)
    assert 30 <= gained < 34
    (lost,) = raised(judged)
    assert 45 <= lost < 48
    open_gain = judge([50] * 30 + [0] * 15, 10_000, accept_improvements=False)
    assert open_gain[-1].state is DetectorState.IMPROVED


def test_a_gain_that_is_soon_lost_is_taken_back_without_an_alarm() -> None:
    judged = judge([50] * 30 + [0] * 5 + [50] * 20, 10_000)
    assert raised(judged, DetectorState.IMPROVED)
    assert not raised(judged)
    (taken_back,) = [judgement for judgement in judged if judgement.recovered]
    assert taken_back.change == found(judged)


def test_runs_without_a_measurement_say_nothing() -> None:
    detector = ErrorRateDetector([TEN], FalseAlarmBudget(100))
    with np.errstate(all="raise", under="ignore"):
        for _ in range(5):
            (nothing,) = detector.observe(np.array([[0, 0]]))
        assert (nothing.state, nothing.missing_runs) == (DetectorState.LEARNING, MIN_BASELINE_RUNS)
        (all_failed,) = detector.observe(np.array([[10_000, 10_000]]))
        assert (all_failed.state, all_failed.missing_runs) == (DetectorState.LEARNING, MIN_BASELINE_RUNS - 1)


@pytest.mark.parametrize("cv", [0.0, 1.0])
def test_false_alarms_keep_the_budget(cv: float) -> None:
    random, series, runs, budget = np.random.default_rng(2), 100, 60, 10.0
    detector = ErrorRateDetector([1 / series] * series, FalseAlarmBudget(budget))
    alarms = 0
    for _ in range(runs):
        rate = 1e-3 * (random.gamma(1 / cv**2, cv**2, series) if cv else np.ones(series))
        counts = np.stack([random.binomial(5000, rate), np.full(series, 5000)], axis=1)
        for row, judgement in enumerate(detector.observe(counts)):
            if judgement.raised and judgement.state is DetectorState.REGRESSED:
                alarms += 1
                detector.dismiss(row)
    assert alarms <= 2 * runs / budget
