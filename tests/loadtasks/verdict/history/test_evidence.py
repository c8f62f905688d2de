"""The evidence for a change point: what is computed exactly, and what is only bounded."""

import numpy as np
import pytest

from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, MAX_RUNS_SINCE_CHANGE, Baselines, Values
from loadtasks.verdict.history.estimates import estimate
from loadtasks.verdict.history.evidence import Evidence, weigh
from loadtasks.verdict.history.persistence import MIN_PERSISTENCE
from tests.series import drift

SERIES, RUNS = 60, 100


def evidence(shift: float) -> Evidence:
    """Of series in which the last runs are shifted: one in three not at all, one far up, one far down."""
    values = drift(cv=0.05, runs=RUNS, seed=5, series=SERIES)
    values[1::3, -6:] += shift
    values[2::3, -6:] -= shift
    baselines = Baselines(np.full(SERIES, 0.005), np.full(SERIES, 0.1))
    for number, run in enumerate(values.T):
        baselines.add_run(number, run)
        baselines.add_repetition(np.where(np.arange(SERIES) % 5 == number % 5, run + 0.01, np.nan))
    return weigh(baselines, estimate(baselines), np.full(SERIES, MIN_PERSISTENCE))


def odds(found: Evidence, least: float) -> tuple[Values, Values]:
    """`least`: the odds from which on they are exact."""
    limits = np.full(SERIES, least)
    excess = np.full((SERIES, MAX_RUNS_SINCE_CHANGE), 1.2)
    return found.odds_above(limits, limits, np.full(SERIES, MAX_BASELINE_RUNS), excess)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3, 5.0])
def test_odds_are_exact_from_a_limit_on_and_bounded_below_it(shift: float) -> None:
    found = evidence(shift)
    for bounded, exact in zip(odds(found, 2.0), odds(found, -np.inf), strict=True):
        is_low = bounded < 2.0
        assert (bounded[~is_low] == exact[~is_low]).all()
        assert (bounded[is_low] >= exact[is_low]).all()
        assert bounded[is_low] == pytest.approx(exact[is_low], rel=1e-6)


def test_a_rise_is_no_fall() -> None:
    rise, fall = odds(evidence(0.2), -np.inf)
    assert np.median(rise[1::3]) > 5 > np.median(fall[1::3])
    assert np.median(fall[2::3]) > 5 > np.median(rise[2::3])


def test_what_came_before_the_evidence_was_reset_is_no_candidate() -> None:
    found = evidence(0.2)
    since = np.arange(SERIES)
    assert found.candidates(since).sum(axis=1).tolist() == np.minimum(since, MAX_RUNS_SINCE_CHANGE).tolist()
    assert found.rise(since, np.ones((SERIES, MAX_RUNS_SINCE_CHANGE)))[0] == -np.inf
