"""What is remembered of confirmed shifts."""

import numpy as np
from numpy.typing import NDArray

from loadtasks.verdict.history.change_point import ChangePoint
from loadtasks.verdict.history.shifts import ConfirmedShifts
from tests.series import drift

RUNS = 600
UP = np.array([True])
MIN_EFFECT = np.array([np.log1p(0.03)])


def change(first: int, size: float) -> ChangePoint:
    return ChangePoint(first, first, first, lasted=1, size=size, low=size, high=size)


def level(*steps: tuple[int, float]) -> NDArray[np.float64]:
    """One series with steps."""
    values = drift(0.02, runs=RUNS, seed=3).T.copy()
    for first, size in steps:
        values[first:] += size
    return values


def test_a_gain_begins_a_baseline_and_one_that_does_not_last_is_forgotten() -> None:
    shifts = ConfirmedShifts(1)
    shifts.gain(0, change(100, -0.08))
    assert shifts.begins[0] == 100
    shifts.gain(0, change(130, -0.05))
    shifts.recover(0, 140)
    assert (shifts.begins[0], shifts.gain_before(0, 150)) == (100, None)


def test_a_loss_takes_back_the_gain_before_it_unless_that_is_long_ago() -> None:
    shifts = ConfirmedShifts(1)
    shifts.gain(0, change(100, -0.08))
    gain = shifts.gain_before(0, 150)
    assert gain is not None
    assert (gain.begin, gain.first, gain.size) == (0, 100, -0.08)
    assert shifts.gain_before(0, 191) is None
    shifts.lose(0, change(150, 0.1))
    shifts.accept(0, change(150, 0.1))
    assert (shifts.begins[0], shifts.gain_before(0, 160)) == (150, None)


def test_a_loss_that_was_accepted_is_not_reported_again_as_creep() -> None:
    shifts = ConfirmedShifts(1)
    values = level((300, 0.08))
    values[300:] += np.linspace(0, 0.01, 300)[:, None]
    shifts.lose(0, change(300, 0.08))
    assert shifts.find_creep(values, MIN_EFFECT, UP) == [None]  # it is open
    shifts.accept(0, change(300, 0.08))
    assert shifts.find_creep(values, MIN_EFFECT, UP) == [None]


def test_creep_before_and_after_an_accepted_loss_adds_up_since_the_anchor_stays() -> None:
    shifts = ConfirmedShifts(1)
    values = level((300, 0.08)) + np.linspace(0, 0.06, RUNS)[:, None]
    shifts.lose(0, change(300, 0.08))
    shifts.accept(0, change(300, 0.08))
    (creep,) = shifts.find_creep(values, MIN_EFFECT, UP)
    assert creep is not None
    assert 0.045 < creep.size < 0.075


def test_a_gain_that_took_back_an_accepted_loss_leaves_nothing_reported() -> None:
    shifts = ConfirmedShifts(1)
    values = level((100, 0.08), (150, -0.08))
    values[150:] += np.linspace(0, 0.06, RUNS - 150)[:, None]
    shifts.lose(0, change(100, 0.08))
    shifts.accept(0, change(100, 0.08))
    shifts.gain(0, change(150, -0.08))
    assert shifts.find_creep(values, MIN_EFFECT, UP)[0] is not None


def test_what_was_gained_may_creep_away_until_the_level_is_above_the_anchor() -> None:
    shifts = ConfirmedShifts(1)
    shifts.gain(0, change(100, -0.08))
    for drift_size, size in ((0.1, None), (0.14, 0.06)):
        values = level((100, -0.08))
        values[100:] += np.linspace(0, drift_size, RUNS - 100)[:, None]
        (creep,) = shifts.find_creep(values, MIN_EFFECT, UP)
        assert creep is None if size is None else creep is not None and abs(creep.size - size) < 0.015


def test_the_runs_of_a_regression_that_is_over_are_left_out() -> None:
    shifts = ConfirmedShifts(1)
    values = level((200, 0.5), (320, -0.5)) + np.linspace(0, 0.06, RUNS)[:, None]
    assert shifts.find_creep(values, MIN_EFFECT, UP) == [None]
    shifts.lose(0, change(200, 0.5))
    shifts.recover(0, 322)
    assert shifts.find_creep(values, MIN_EFFECT, UP)[0] is not None
