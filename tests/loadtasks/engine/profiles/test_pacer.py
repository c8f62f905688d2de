"""Due times against their closed forms, for any profile that hypothesis thinks of."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.engine.profiles.pacer import ConstantPacer, Pacer, PoissonPacer, RampPacer, pacer_of
from loadtasks.scenarios.load import OpenLoad, Stage, StagesLoad

RATES = st.floats(0, 500)
STAGES = st.lists(st.tuples(RATES, st.floats(0.1, 20)), min_size=1, max_size=5)


def times(pacer: Pacer) -> np.ndarray:
    due = np.array([pacer.due_s(n) for n in range(pacer.count)], dtype=float)
    assert pacer.due_s(pacer.count) is None
    return due


def area(start: float, stages: list[tuple[float, float]], at_s: float) -> float:
    """The area under the rate line up to a time, by the trapezoid rule, which is exact for straight lines."""
    total, before = 0.0, start
    for rate, seconds in stages:
        within = min(seconds, at_s)
        if within <= 0:
            break
        end = before + (rate - before) * within / seconds
        total += (before + end) / 2 * within
        before, at_s = rate, at_s - seconds
    return total


@given(start=RATES, stages=STAGES)
def test_a_ramp_emits_exactly_the_area_under_its_rate_line(start: float, stages: list[tuple[float, float]]) -> None:
    pacer = RampPacer(start, stages)
    due = times(pacer)
    whole = area(start, stages, sum(seconds for _, seconds in stages))
    assert pacer.count in (math.ceil(whole), math.ceil(whole - 1e-6))
    assert np.all(np.diff(due) >= -1e-9)
    for n in {0, pacer.count // 2, pacer.count - 1} & set(range(pacer.count)):
        assert area(start, stages, due[n]) == pytest.approx(n, rel=1e-6, abs=1e-4)


def exact_area(start: float, stages: list[tuple[float, float]], at_s: float) -> Fraction:
    """The area under the rate line up to a time, of just these binary fractions, without a rounding."""
    total, before, left = Fraction(0), Fraction(start), Fraction(at_s)
    for rate, seconds in stages:
        within = min(Fraction(seconds), left)
        end = before + (Fraction(rate) - before) * within / Fraction(seconds)
        total += (before + end) / 2 * within
        before, left = Fraction(rate), left - within
    return total


# Rates of 0 often, so that stages rise from nothing, fall to nothing and pause.
@given(
    start=st.one_of(st.just(0.0), st.floats(0, 100)),
    stages=st.lists(st.tuples(st.one_of(st.just(0.0), st.floats(0, 100)), st.floats(0.01, 5)), min_size=1, max_size=5),
)
def test_each_request_of_a_ramp_is_due_where_the_area_is_its_number(
    start: float, stages: list[tuple[float, float]]
) -> None:
    pacer = RampPacer(start, stages)
    due = times(pacer)
    whole = exact_area(start, stages, sum(seconds for _, seconds in stages))
    assert pacer.count - 1 < whole + Fraction(1, 10**8)
    assert whole - Fraction(1, 10**8) <= pacer.count
    assert np.all(np.diff(due) >= 0)
    for n, due_s in enumerate(due):
        assert abs(exact_area(start, stages, due_s) - n) <= Fraction(1, 10**6)


@given(rate=st.floats(0.5, 500), duration_s=st.floats(0.1, 20))
def test_a_flat_ramp_is_the_constant_profile(rate: float, duration_s: float) -> None:
    constant = pacer_of(OpenLoad(rate=rate, duration_s=duration_s))
    flat = pacer_of(StagesLoad(start_rate=rate, stages=(Stage(rate=rate, duration_s=duration_s),)))
    assert constant.count == flat.count
    assert times(flat) == pytest.approx(times(constant), abs=1e-6)


def test_a_constant_profile_is_evenly_spaced() -> None:
    assert times(ConstantPacer(4, 6)).tolist() == [0, 0.25, 0.5, 0.75, 1.0, 1.25]
    assert pacer_of(OpenLoad(rate=0.1, duration_s=30)).count == 3


@given(seed=st.integers(0, 2**32), rate=st.floats(1, 200))
def test_poisson_arrivals_are_the_same_for_the_same_seed_and_within_the_duration(seed: int, rate: float) -> None:
    due = times(PoissonPacer(rate, 5.0, seed))
    assert due.tolist() == times(PoissonPacer(rate, 5.0, seed)).tolist()
    assert np.all(np.diff(due) >= 0)
    assert not due.size or (due[0] > 0 and due[-1] < 5.0)


def test_poisson_arrivals_have_the_rate_and_the_variance_of_a_poisson_process() -> None:
    counts = np.array([PoissonPacer(50, 10.0, seed).count for seed in range(300)])
    assert counts.mean() == pytest.approx(500, rel=0.01)
    assert counts.var() == pytest.approx(500, rel=0.25)
