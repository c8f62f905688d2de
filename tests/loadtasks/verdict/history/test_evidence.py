"""The evidence for a change point: which way the level shifted, and since when."""

import numpy as np
import pytest

from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, MAX_RUNS_SINCE_CHANGE, Baselines, Values
from loadtasks.verdict.history.estimates import estimate
from loadtasks.verdict.history.evidence import Evidence, weigh
from loadtasks.verdict.history.persistence import MIN_PERSISTENCE
from tests.series import drift

SERIES, RUNS = 60, 100


def evidence(shift: float, mirrored: bool = False) -> Evidence:
    """Of series in which the last runs are shifted: one in three not at all, one far up, one far down."""
    values = drift(cv=0.05, runs=RUNS, seed=5, series=SERIES)
    values[1::3, -6:] += shift
    values[2::3, -6:] -= shift
    baselines = Baselines(np.full(SERIES, 0.005), np.full(SERIES, 0.1))
    for number, run in enumerate(values.T):
        sign = -1.0 if mirrored else 1.0
        baselines.add_run(number, sign * run)
        baselines.add_repetition(np.where(np.arange(SERIES) % 5 == number % 5, sign * (run + 0.01), np.nan))
    return weigh(baselines, estimate(baselines), np.full(SERIES, MIN_PERSISTENCE))


def odds(found: Evidence) -> tuple[Values, Values]:
    excess = np.full((SERIES, MAX_RUNS_SINCE_CHANGE), 1.2)
    return found.log_odds(np.full(SERIES, MAX_BASELINE_RUNS), excess)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3, 5.0])
def test_a_fall_is_as_probable_as_the_rise_of_the_mirror_image(shift: float) -> None:
    rise, fall = odds(evidence(shift))
    mirrored = evidence(shift, mirrored=True)
    higher = np.maximum(rise, fall)
    for own, other in zip((rise, fall), reversed(odds(mirrored)), strict=True):
        assert own[own == higher] == pytest.approx(other[own == higher], abs=1e-9)


def test_odds_of_the_largest_shifts_are_finite() -> None:
    found = evidence(0.0)
    found.score[:] = np.where(np.arange(SERIES) % 2, 1e6, -1e6)[:, None]
    rise, fall = odds(found)
    assert np.isfinite([rise, fall]).all()
    assert rise[1::2].min() > 500 > fall[1::2].max()
    assert fall[::2].min() > 500 > rise[::2].max()


def test_a_rise_is_no_fall() -> None:
    rise, fall = odds(evidence(0.2))
    assert np.median(rise[1::3]) > 5 > np.median(fall[1::3])
    assert np.median(fall[2::3]) > 5 > np.median(rise[2::3])


def test_what_came_before_the_evidence_was_reset_is_no_candidate() -> None:
    found = evidence(0.2)
    since = np.arange(SERIES)
    assert found.candidates(since).sum(axis=1).tolist() == np.minimum(since, MAX_RUNS_SINCE_CHANGE).tolist()
    assert found.log_odds(since, np.ones((SERIES, MAX_RUNS_SINCE_CHANGE)))[0][0] == -np.inf
