"""What a replay remembers of earlier shifts: where baselines begin, which gain is lost, and creep."""

import numpy as np
import pytest
from numpy.typing import NDArray

from loadtasks.results.regression import AUTOMATIC, Move, RegressionState
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.comparison import BaselineComparison, compare_with_baseline
from loadtasks.verdict.history.series_judgement import DetectorState
from tests.measurements import STARTED_AT
from tests.series import MEDIAN_S, drift, median_series
from tests.stored_runs import DASHBOARD, regression


def noise(runs: int, cv: float = 0.02) -> NDArray[np.float64]:
    values: NDArray[np.float64] = drift(cv, runs=runs, seed=7)[0]
    return values


def compared(levels: NDArray[np.float64], *known: RegressionState) -> BaselineComparison:
    """The newest run against its baseline. `known`: what became automatically, in run 60, of what run 31 had found."""
    found = regression("run-31", first_run="run-30")
    moves = [Move(state=state, at=STARTED_AT, who=AUTOMATIC, why="", sequence=60, run_id="run-60") for state in known]
    regressions = [found.model_copy(update={"moves": [*found.moves, *moves]})] if known else []
    newest = f"run-{len(levels) - 1}"
    series = [median_series(DASHBOARD, levels)]
    return compare_with_baseline(newest, series, regressions, Sensitivity()).comparisons[DASHBOARD, ""]


def first_regressed(levels: NDArray[np.float64], since: int) -> BaselineComparison:
    for runs in range(since + 1, len(levels) + 1):
        comparison = compared(levels[:runs])
        if comparison.metrics["p50_s"].judgement.state is DetectorState.REGRESSED:
            return comparison
    raise AssertionError("the loss is not found")


def test_a_loss_after_a_gain_knows_the_level_before_the_gain() -> None:
    levels = noise(90)
    levels[30:] -= 0.2
    levels[70:] += 0.3
    history = first_regressed(levels, 70).metrics["p50_s"]
    gain = history.lost_gain
    assert gain is not None
    assert abs(int(gain.first_run.removeprefix("run-")) - 30) <= 2
    assert gain.before == pytest.approx(MEDIAN_S, rel=0.03)
    assert gain.ratio == pytest.approx(np.exp(0.1), rel=0.05)
    assert history.change is not None
    assert history.change.before == pytest.approx(MEDIAN_S * np.exp(-0.2), rel=0.03)


def test_a_loss_without_a_gain_before_it_has_none() -> None:
    levels = noise(60)
    levels[40:] += 0.3
    assert first_regressed(levels, 40).metrics["p50_s"].lost_gain is None


def test_a_loss_that_was_accepted_begins_the_baseline_and_the_next_one_is_found() -> None:
    levels = noise(80)
    levels[30:] += 0.3
    open_one, accepted = compared(levels), compared(levels, RegressionState.ACCEPTED)
    states = [comparison.metrics["p50_s"].judgement.state for comparison in (open_one, accepted)]
    assert states == [DetectorState.REGRESSED, DetectorState.NORMAL]
    assert (open_one.baseline_begin, accepted.baseline_begin) == (None, "run-30")
    assert [comparison.level("p50_s") for comparison in (open_one, accepted)] == [
        pytest.approx(MEDIAN_S, rel=0.02),
        pytest.approx(MEDIAN_S * np.exp(0.3), rel=0.02),
    ]


def test_creep_has_its_anchor_its_size_in_the_metrics_unit_and_its_runs() -> None:
    creep = compared(noise(430) + np.linspace(0, 0.06, 430)).metrics["p50_s"].creep
    assert creep is not None
    assert creep.anchor_run == "run-0"
    assert creep.change.before == pytest.approx(MEDIAN_S, rel=0.02)
    assert creep.change.ratio == pytest.approx(np.exp(0.06), rel=0.02)
    assert creep.change.low < creep.change.ratio < creep.change.high
    assert creep.runs > 250
    assert compared(noise(430)).metrics["p50_s"].creep is None
