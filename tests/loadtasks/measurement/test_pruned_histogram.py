"""What is left of a histogram that was pruned."""

import numpy as np
import pytest

from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.pruned_histogram import PrunedHistogram


def test_it_knows_the_metrics_and_nothing_else() -> None:
    pruned = PrunedHistogram(400, 0.2, 0.9, {0.5: 0.1})
    assert (pruned.count, pruned.mean_s, pruned.max_s) == (400, 0.2, 0.9)
    assert (pruned.quantile_s(0.5), pruned.quantile_s(0.7)) == (0.1, None)
    assert pruned.interval_s(0.5) is None
    assert list(pruned.steps()) == []


def test_equal_ones_have_the_same_metrics() -> None:
    assert PrunedHistogram(1, 0.1, 0.1, {0.5: 0.1}) == PrunedHistogram(1, 0.1, 0.1, {0.5: 0.1})
    assert PrunedHistogram(1, 0.1) != PrunedHistogram(1, 0.2)
    assert PrunedHistogram(0) != Histogram()


def test_it_is_neither_added_to_nor_written() -> None:
    pruned = PrunedHistogram(1)
    for attempt in (lambda: pruned.record(np.array([0.1])), lambda: pruned.add(Histogram()), pruned.encode):
        with pytest.raises(ValueError, match="pruned"):
            attempt()
