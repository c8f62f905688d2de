"""The simulated families and histories: what is drawn, how scenarios are repeated, and how alarm runs are counted."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.verdict import limits, long_history
from benchmarks.verdict.families import KINDS, METRICS, RUNS, SCENARIOS, Kind, Year, begin_run, measure
from benchmarks.verdict.simulated_runs import Cell, Noise, Values, cell_key
from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.replay import SeriesReplay

_QUIET = Noise(0.001, correlation=0.0, outliers=0.0)


def p50(kind: Kind, seed: int = 1, number: int = 2) -> list[Values]:
    """Of each repetition; shape: families x scenarios x runs."""
    measured = measure(kind, number, np.random.default_rng(seed))
    column = list(BASELINE_METRICS).index("p50_s")
    return [np.exp(values.reshape(number, SCENARIOS, METRICS, RUNS)[:, :, column]) for values in measured]


def test_scenarios_of_a_run_share_its_host_and_repetitions_stay_on_it() -> None:
    first, *repetitions = p50(Kind(replace(_QUIET, slow_hosts=0.3)))
    slow = first > 1.1 * np.median(first)
    assert slow.mean() == pytest.approx(0.3, abs=0.1)
    assert (slow == slow[:, :1]).all()
    assert all(((repetition > 1.1 * np.median(first)) == slow).all() for repetition in repetitions)
    own = p50(Kind(replace(_QUIET, slow_hosts=0.3), is_shared=False))[0]
    assert not ((own > 1.1 * np.median(own)) == (own > 1.1 * np.median(own))[:, :1]).all()


def test_a_sticky_host_is_kept_for_some_runs() -> None:
    first = p50(Kind(replace(_QUIET, slow_hosts=0.3, runs_on_host=20.0)), number=40)[0][:, 0]
    changes = np.diff((first > 1.1 * first.min()).astype(int), axis=1) != 0
    assert changes.mean() == pytest.approx(2 * 0.3 * 0.7 / 20, abs=0.005)


def test_a_bad_run_is_bad_in_all_of_its_repetitions() -> None:
    measured = np.stack(p50(Kind(replace(_QUIET, bad_runs=0.1))))
    assert 0.05 < (measured > 1.05 * np.median(measured)).mean() < 0.15
    assert measured / measured[:1] == pytest.approx(np.ones(measured.shape), abs=0.02)


def test_times_in_ticks_are_whole_and_near_five_and_a_half() -> None:
    first = p50(KINDS["ticks of 1 ms near 5.5 ms"])[0]
    assert set(np.unique(first.round(9))) <= {4.0, 5.0, 6.0, 7.0}
    assert 0.3 < (first.round(9) == 5.0).mean() < 0.7


def test_every_other_month_is_loud() -> None:
    months = np.log(p50(KINDS["CV 5 % and 15 % by month"], number=8)[0])[:, :, :360].reshape(8, SCENARIOS, 12, 30)
    deviation = months.std(axis=(0, 1, 3))
    assert deviation[::2] == pytest.approx(0.05, rel=0.1)
    assert deviation[1::2] == pytest.approx(0.15, rel=0.1)


def test_means_of_14_runs_wander_more_than_their_autocorrelation_explains() -> None:
    values = KINDS["slow wander"].noise.drift(np.random.default_rng(1), 200, 364).total
    centred = values - values.mean()
    correlation = (centred[:, 1:] * centred[:, :-1]).mean() / (centred**2).mean()
    expected = (centred**2).mean() * (1 + correlation) / (1 - correlation) / 14
    assert values.reshape(200, 26, 14).mean(axis=2).var() / expected == pytest.approx(2.2, abs=0.4)


def test_runs_are_missing_in_all_metrics_at_once() -> None:
    values = measure(KINDS["missing runs"], 2, np.random.default_rng(1))[0].reshape(-1, METRICS, RUNS)
    missing = np.isnan(values)
    assert (missing == missing[:, :1]).all()
    assert 0.1 < missing.mean() < 0.25


def test_a_plain_noise_keeps_the_seed_that_it_always_had() -> None:
    assert cell_key(Cell(Noise(0.05), 0.1)) == [100, 50, 300, 30, 0, 0, 0, 300]
    assert len(cell_key(Cell(Noise(0.05, wander=0.5), 0.1))) > 8


class Asking:
    """A detector that asks for repetitions of one row, twice."""

    def __init__(self, row: int) -> None:
        self.row, self.repetitions = row, list[Values]()

    def begin_run(self, values: Values) -> None:
        self.first = values

    def repetitions_due(self) -> Sequence[RepetitionReason | None]:
        reasons: list[RepetitionReason | None] = [None] * (2 * METRICS)
        if len(self.repetitions) < 2:
            reasons[self.row] = RepetitionReason.SUSPECT
        return reasons

    def add_repetition(self, values: Values) -> None:
        self.repetitions.append(values)


def test_a_scenario_is_repeated_in_all_of_its_metrics() -> None:
    detector = Asking(METRICS + 1)
    assert begin_run(detector, [np.full(2 * METRICS, float(number)) for number in range(4)]) == 1
    assert [np.flatnonzero(values == number).tolist() for number, values in enumerate(detector.repetitions, 1)] == [
        list(range(METRICS, 2 * METRICS))
    ] * 2
    assert all(np.isnan(values[:METRICS]).all() for values in detector.repetitions)


@pytest.mark.parametrize(("alarms", "low", "high"), [(0, 0.0, 3.689), (10, 4.795, 18.390)])
def test_the_interval_is_that_of_a_poisson_mean(alarms: int, low: float, high: float) -> None:
    assert Year(2, alarm_runs=alarms).interval == pytest.approx((low / 2, high / 2), abs=0.001)


def test_the_limit_of_false_alarms_holds_for_every_noise() -> None:
    assert list(limits.false_alarms([("calm", 4.0), ("slow wander", 4.1)])) == [
        "history, slow wander: 4.1 false alarms a series-year; the limit is 4"
    ]


def test_a_stored_history_is_judged_once_more_after_a_repetition() -> None:
    series, runs = long_history.stored_series(scenarios=2, runs=20)
    repeated = long_history.with_repetition(series[1])
    assert [len(point.repetitions) for point in repeated.points[-2:]] == [1, 2]
    histories, _ = SeriesReplay([series[0], repeated], runs, Sensitivity()).judge()
    assert len(histories) == 2 * METRICS
