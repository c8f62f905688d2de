import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.verdict import series


@given(st.floats(1e-6, 600.0), st.floats(0.5, 2.0))
def test_a_relative_change_is_a_difference(time_s: float, factor: float) -> None:
    change = series.of_amount(time_s * factor) - series.of_amount(time_s)
    assert series.relative(change) == pytest.approx(factor - 1, abs=1e-9)


@pytest.mark.parametrize("amount", [None, 0.0])
def test_what_was_not_measured_is_nan(amount: float | None) -> None:
    assert math.isnan(series.of_amount(amount))
    assert math.isnan(series.of_tail(amount, 1.0))


def test_nights_without_a_failure_have_a_value_and_nights_without_requests_have_none() -> None:
    assert series.of_failures(0, 1000) < series.of_failures(1, 1000) < series.of_failures(1000, 1000)
    assert math.isnan(series.of_failures(0, 0))


def test_what_slows_all_leaves_the_tail_alone() -> None:
    assert series.of_tail(0.2, 0.6) == pytest.approx(series.of_tail(0.1, 0.3))
