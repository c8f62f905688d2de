"""The baseline of one metric as a chart shows it."""

import numpy as np
import pytest

from loadtasks.verdict.history.bands import PlottedSeries
from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, Baselines
from loadtasks.verdict.history.estimates import estimate
from tests.series import drift

MIN_EFFECT = 0.03


def series(logarithms: np.ndarray, metric: str = "p50_s") -> PlottedSeries:
    return PlottedSeries(metric, (0.05 * np.exp(logarithms)).tolist(), MIN_EFFECT)


def test_level_and_scale_are_those_of_the_detector() -> None:
    logarithms = drift(runs=150)[0]
    *_, last = series(logarithms).bands((), ())
    baselines = Baselines(np.array([np.log1p(MIN_EFFECT) / 4]), np.array([0.1]))
    for run, value in enumerate(np.log(0.05) + logarithms):
        baselines.add_run(run, np.array([value]))
    own = estimate(baselines)
    assert last.level == pytest.approx(np.exp(own.level[0]))
    assert last.high / last.level == pytest.approx(np.exp(own.scale[0]))
    assert (last.last, last.runs) == (149, MAX_BASELINE_RUNS)


def test_the_bands_cover_all_runs_once() -> None:
    bands = series(drift(runs=100)[0]).bands({37}, ())
    assert [place for band in bands for place in range(band.first, band.last + 1)] == list(range(100))
    assert any(band.first == 37 for band in bands)


def test_bands_that_end_before_what_is_shown_are_left_out() -> None:
    made = series(drift(runs=100)[0])
    bands = made.bands({37}, {50, 51})
    for since in (0, 36, 37, 38, 70, 99):
        assert made.bands({37}, {50, 51}, since) == [band for band in bands if band.last >= since]
    assert made.bands({37}, {50, 51}, 100) == []


def test_a_baseline_begins_anew_and_forgets() -> None:
    logarithms = np.concatenate([drift(runs=40)[0], np.log(2) + drift(runs=20, seed=2)[0]])
    before, after = (series(logarithms).bands({40}, ())[place] for place in (0, -1))
    assert after.level == pytest.approx(2 * before.level, rel=0.1)


def test_runs_of_an_open_regression_are_judged_by_the_level_before_it() -> None:
    logarithms = np.concatenate([drift(runs=40)[0], np.log(2) + drift(runs=20, seed=2)[0]])
    *_, last = series(logarithms).bands((), range(40, 60))
    assert last.last == 59
    assert last.high < 0.07


def test_too_few_runs_and_runs_without_a_value_have_no_band() -> None:
    assert PlottedSeries("p50_s", [0.05, None, 0.06, 0.0], MIN_EFFECT).bands((), ()) == []
    assert PlottedSeries("p50_s", [], MIN_EFFECT).bands((), ()) == []


def test_a_share_stays_within_nothing_and_all() -> None:
    (band,) = PlottedSeries("success_rate", [1.0, 1.0, 0.99, 1.0, 1.0], MIN_EFFECT).bands((), ())
    assert band.high <= 1.0
    assert band.level == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_a_large_change_lies_where_it_is(seed: int) -> None:
    logarithms = drift(runs=80, cv=0.03, seed=seed)[0]
    logarithms[60:] += np.log(1.4)
    earliest, latest = series(logarithms).change_interval(0, 61, 79)
    assert earliest <= 60 <= latest
    assert latest - earliest <= 3


def test_a_small_change_may_lie_within_several_runs() -> None:
    logarithms = drift(runs=80, cv=0.05, seed=4)[0]
    logarithms[60:] += 0.06
    earliest, latest = series(logarithms).change_interval(0, 60, 79)
    assert latest - earliest >= 3
    assert series(logarithms).change_interval(0, 1, 79) == (1, 1)  # nothing before it to compare with
