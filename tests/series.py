"""Series of runs made up for tests."""

import numpy as np
from numpy.typing import NDArray


def drift(
    cv: float = 0.05, correlation: float = 0.3, series: int = 1, runs: int = 60, seed: int = 1
) -> NDArray[np.float64]:
    """Logarithms of a metric, each correlated with that of the run before; one row a series, one column a run."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((series, runs)) * cv
    for run in range(1, runs):
        values[:, run] = correlation * values[:, run - 1] + np.sqrt(1 - correlation**2) * values[:, run]
    return values
