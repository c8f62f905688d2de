"""Where a control stands: its levels, and that an imprecise one has to move far."""

import numpy as np
import pytest

from loadtasks.verdict.history.control_levels import FollowedControl, follow


def steps_of(followed: FollowedControl) -> list[tuple[int, int]]:
    """The level and the first run of each visit."""
    return [(visit.level, visit.first) for visit in followed.visits]


def noise(runs: int, scale: float, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, runs)


@pytest.mark.parametrize("scale", [0.02, 0.05, 0.1])
def test_a_control_that_moves_far_has_another_level_from_its_first_run_on(scale: float) -> None:
    values = noise(60, scale)
    values[30:] += 6 * scale
    followed = follow(values)
    assert steps_of(followed) == [(0, 0), (1, 30)]
    assert followed.move(followed.visits[1]) == pytest.approx(6 * scale, abs=scale)
    assert followed.usual == 1


def test_a_move_within_its_noise_is_none_in_one_run_and_shows_when_it_lasts() -> None:
    values = noise(50, 0.05)
    values[30] += 0.1
    assert steps_of(follow(values)) == [(0, 0)]
    values[30:] += 0.1
    (_, _), (_, first) = steps_of(follow(values))
    assert abs(first - 30) <= 2


def test_a_control_returns_to_the_level_that_it_had() -> None:
    values = noise(60, 0.03)
    values[[20, 35]] += 0.4
    followed = follow(values)
    assert [level for level, _ in steps_of(followed)] == [0, 1, 0, 1, 0]
    assert followed.usual == 0


def test_a_control_without_moves_has_one_level_nearly_always() -> None:
    moved = sum(len(visit.runs) for seed in range(20) for visit in follow(noise(200, 0.05, seed)).visits if visit.level)
    assert moved < 0.2 * 20 * 200


def test_runs_without_a_value_are_left_out_and_few_runs_say_nothing() -> None:
    values = np.array([0.0, np.nan, 0.01, 5.0, 0.0])
    followed = follow(values)
    assert steps_of(followed) == [(0, 0)]
    assert np.isnan(followed.deviations[1])
    assert np.isnan(followed.scales).all()
    assert follow(np.full(3, np.nan)).usual is None
