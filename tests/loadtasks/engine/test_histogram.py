"""The histogram against the hdrhistogram library and against plain sorting."""

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from loadtasks.engine.histogram import Histogram


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
