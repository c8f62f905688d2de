"""Creep: found once it is there, and not where a level only varies."""

import numpy as np
import pytest
from numpy.typing import NDArray

from loadtasks.verdict.history.creep import BLOCK_RUNS, MIN_BLOCKS, Creep, find_creep
from tests.series import drift

MIN_EFFECT = float(np.log1p(0.03))
SERIES = 40
RUNS = 460
RAMP = np.interp(np.arange(RUNS), [30, 430], [0, np.log1p(0.05)])[:, None]
"""5 % in 400 runs."""


def noise(cv: float, *, runs: int = RUNS, seed: int = 1) -> NDArray[np.float64]:
    """Runs x series."""
    return drift(cv, series=SERIES, runs=runs, seed=seed).T


def found(values: NDArray[np.float64], *, worse_up: bool = True, until: int | None = None) -> list[Creep]:
    seen = values[:until]
    number = values.shape[1]
    creeps = find_creep(seen, np.zeros(number), np.full(number, MIN_EFFECT), np.full(number, worse_up))
    return [creep for creep in creeps if creep is not None]


def share_found(values: NDArray[np.float64]) -> float:
    """The share of series with creep at any time, as runs come one by one."""
    missing, none = np.ones(values.shape[1], dtype=bool), np.zeros(values.shape[1])
    for until in range(MIN_BLOCKS * BLOCK_RUNS, len(values) + 1, BLOCK_RUNS):
        seen = values[:until]
        creeps = find_creep(seen, none, np.full(len(none), MIN_EFFECT), np.ones(len(none), dtype=np.bool_))
        missing &= np.array([creep is None for creep in creeps])
    return float(1 - missing.mean())


def test_a_creep_of_five_percent_in_400_runs_is_found_with_its_size_and_place() -> None:
    values = noise(0.02) + RAMP
    assert share_found(values) >= 0.9
    creeps = found(values)
    assert np.median([creep.size for creep in creeps]) == pytest.approx(np.log1p(0.05), rel=0.15)
    assert np.mean([creep.low <= np.log1p(0.05) <= creep.high for creep in creeps]) >= 0.9
    assert np.median([creep.first for creep in creeps]) < 100
    assert all(creep.runs == creep.last - creep.first + 1 for creep in creeps)


def test_where_runs_differ_by_five_percent_most_creep_is_found_soon_after_its_end() -> None:
    later = np.concatenate([RAMP, np.full((140, 1), RAMP[-1])])
    assert share_found(noise(0.05, runs=len(later)) + later) >= 0.75


@pytest.mark.parametrize("cv", [0.02, 0.05])
def test_without_creep_hardly_anything_is_found_in_two_years(cv: float) -> None:
    assert share_found(noise(cv, runs=700, seed=2)) <= 0.025


def test_what_gets_better_or_took_one_step_is_no_creep() -> None:
    assert found(noise(0.02) - RAMP) == []
    assert found(noise(0.02) + RAMP, worse_up=False) == []
    step = (np.arange(RUNS) >= 200)[:, None] * 0.06
    assert len(found(noise(0.02) + step)) <= 1


def test_missing_runs_are_no_runs_of_the_drift() -> None:
    values = noise(0.02) + RAMP
    spread = np.full((2 * RUNS, SERIES), np.nan)
    spread[::2] = values
    compact, sparse = found(values), found(spread)
    assert [creep.size for creep in sparse] == [creep.size for creep in compact]
    assert [creep.first for creep in sparse] == [2 * creep.first for creep in compact]
    assert [creep.runs for creep in sparse] == [creep.runs for creep in compact]


def test_a_level_back_at_its_anchor_is_no_creep_whatever_happened_between() -> None:
    values = noise(0.02)
    number = values.shape[1]
    gained = np.full(number, 2 * RAMP[-1, 0])
    creeps = find_creep(values + 2 * RAMP, gained, np.full(number, MIN_EFFECT), np.ones(number, dtype=np.bool_))
    assert creeps == [None] * number


def test_a_level_that_came_back_from_below_is_no_creep() -> None:
    valley = np.interp(np.arange(RUNS), [0, 30, 70, RUNS], [0, 0, -0.08, 0])[:, None]
    assert found(noise(0.01) + valley) == []


def test_a_few_runs_and_thousands_are_no_trouble() -> None:
    assert found(noise(0.02)[: MIN_BLOCKS * BLOCK_RUNS - 1]) == []
    assert found(np.full((500, 1), 0.1)) == []
    long = noise(0.02, runs=3000)
    long[-400:] += np.linspace(0, 0.06, 400)[:, None]
    creeps = found(long)
    assert len(creeps) >= SERIES * 0.9
    assert np.median([creep.first for creep in creeps]) > 2300
