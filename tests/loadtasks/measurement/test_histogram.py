"""The histogram against the hdrhistogram library, plain sorting and the binomial distribution."""

import math

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.measurement.histogram import Histogram, min_count


def filled(seconds: np.ndarray) -> Histogram:
    histogram = Histogram()
    histogram.record(seconds)
    return histogram


@pytest.fixture
def times() -> np.ndarray:
    return np.random.default_rng(7).lognormal(mean=-4, sigma=1.5, size=20_000)


def test_buckets_and_encoding_are_the_librarys(times: np.ndarray) -> None:
    library = HdrHistogram(1, 600_000_000, 3)
    for seconds in times:
        library.record_value(round(seconds * 1e6))
    assert filled(times).encode() == library.encode().decode()


@pytest.mark.parametrize("q", [0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0])
def test_quantiles_are_within_a_thousandth_of_sorted_times(times: np.ndarray, q: float) -> None:
    exact = np.sort(times)[max(0, int(np.ceil(q * times.size)) - 1)]
    assert filled(times).quantile_s(q) == pytest.approx(exact, rel=1e-3, abs=2e-6)


def test_mean_and_max(times: np.ndarray) -> None:
    histogram = filled(times)
    assert histogram.mean_s == pytest.approx(times.mean(), rel=1e-3)
    assert histogram.max_s == pytest.approx(times.max(), rel=1e-3)


def test_merging_equals_recording_all_in_one(times: np.ndarray) -> None:
    merged = filled(times[:5_000])
    merged.add(filled(times[5_000:]))
    assert merged == filled(times)


def test_an_encoded_histogram_reads_back_equal(times: np.ndarray) -> None:
    histogram = filled(times)
    histogram.record(np.array([0.0, 1e9]))  # both ends of the range
    assert Histogram.decode(histogram.encode()) == histogram
    assert Histogram.decode(Histogram().encode()) == Histogram()


OTHER_BOUNDS = HdrHistogram(1, 1_000, 2).encode().decode()


@pytest.mark.parametrize("text", ["", "nonsense", "HISTFAAAAA==", OTHER_BOUNDS])
def test_what_is_no_histogram_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an HdrHistogram"):
        Histogram.decode(text)


def test_an_empty_histogram_claims_nothing() -> None:
    empty = Histogram()
    assert (empty.count, empty.mean_s, empty.max_s, empty.quantile_s(0.5)) == (0, None, None, None)


def test_steps_hold_every_time(times: np.ndarray) -> None:
    steps = list(filled(times).steps())
    assert sum(count for _, count in steps) == times.size
    assert steps == sorted(steps)


def at_most(count: int, q: float) -> list[float]:
    """The probability that at most 0, 1, 2, ... of n times lie below the quantile q, summed term by term."""
    chances = (
        math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) + k * math.log(q)
        + (count - k) * math.log1p(-q)
        for k in range(count + 1)
    )  # fmt: skip
    summed: list[float] = np.cumsum([math.exp(chance) for chance in chances]).tolist()
    return summed


@given(
    count=st.integers(1, 2000),
    q=st.one_of(st.sampled_from([0.5, 0.9, 0.95, 0.99]), st.floats(0.01, 0.99)),
    confidence=st.sampled_from([0.8, 0.95, 0.99]),
)
def test_an_interval_misses_the_quantile_no_more_often_than_it_says_and_is_no_wider_than_that_takes(
    count: int, q: float, confidence: float
) -> None:
    interval = filled(np.arange(1, count + 1) * 1e-6).interval_s(q, confidence)  # the time of rank r is r µs
    chance, side = at_most(count, q), (1 - confidence) / 2
    if interval is None:
        assert max(1 - chance[count - 1], chance[0]) > side - 1e-9, "one side can't be bounded"
        return
    lower, upper = (round(bound * 1e6) for bound in interval)
    assert 1 <= lower < upper <= count
    assert chance[lower - 1] <= side + 1e-9
    assert chance[lower] >= side - 1e-9, "a later rank would miss it too often"
    assert 1 - chance[upper - 1] <= side + 1e-9
    assert 1 - chance[upper - 2] >= side - 1e-9, "an earlier rank would miss it too often"


@pytest.mark.parametrize(("q", "count"), [(0.5, 100), (0.95, 500), (0.99, 400)])
def test_of_samples_of_a_known_distribution_the_stated_share_holds_the_true_quantile(q: float, count: int) -> None:
    samples = np.random.default_rng(11).exponential(0.05, (2000, count))
    true_s = -0.05 * math.log(1 - q)
    intervals = [filled(sample).interval_s(q) for sample in samples]
    held = [interval is not None and interval[0] <= true_s <= interval[1] for interval in intervals]
    assert 0.945 <= np.mean(held) <= 0.985  # at least 95 %, give or take chance; ranks are whole, so a little more


@pytest.mark.parametrize(("q", "least"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.05, 72)])
def test_fewer_times_than_it_takes_give_no_quantile(q: float, least: int) -> None:
    assert min_count(q) == least
    assert filled(np.full(least - 1, 0.1)).interval_s(q) is None
    assert filled(np.full(least, 0.1)).interval_s(q) == (pytest.approx(0.1, rel=1e-3), pytest.approx(0.1, rel=1e-3))
    assert Histogram().interval_s(q) is None


def test_a_quantile_lies_within_its_own_interval_however_coarse_the_buckets_are(times: np.ndarray) -> None:
    histogram = filled(times)
    for q in (0.5, 0.9, 0.95, 0.99, 0.999):
        interval, quantile = histogram.interval_s(q), histogram.quantile_s(q)
        assert interval is not None
        assert quantile is not None
        assert interval[0] < quantile <= interval[1]
    same = filled(np.full(1000, 0.1234567)).interval_s(0.5)
    assert same is not None
    assert same[0] <= 0.123457 <= same[1]
