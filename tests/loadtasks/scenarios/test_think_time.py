"""Think times as they are drawn."""

import numpy as np
import pytest

from loadtasks.scenarios.think_time import ThinkTime


def drawn(think_time: ThinkTime, worker: int = 0, count: int = 4000) -> list[float]:
    random = think_time.chance(worker)
    return [think_time.draw(random) for _ in range(count)]


def test_pauses_are_constant_even_or_exponential() -> None:
    assert set(drawn(ThinkTime.model_validate(0.25))) == {0.25}
    even = drawn(ThinkTime(min=1, max=3))
    assert 1 <= min(even) < 1.1
    assert 2.9 < max(even) <= 3
    assert np.mean(even) == pytest.approx(2, rel=0.03)
    exponential = drawn(ThinkTime(mean=2))
    assert np.mean(exponential) == pytest.approx(2, rel=0.06)
    assert np.std(exponential) == pytest.approx(2, rel=0.1)


def test_pauses_are_the_same_in_every_run_and_each_workers_own() -> None:
    think_time = ThinkTime(mean=1, seed=5)
    assert drawn(think_time, count=9) == drawn(think_time, count=9)
    assert drawn(think_time, count=9) != drawn(think_time, worker=1, count=9)
    assert drawn(think_time, count=9) != drawn(ThinkTime(mean=1, seed=6), count=9)
