"""Series of nights made up for tests."""

import numpy as np
from numpy.typing import NDArray


def drift(
    cv: float = 0.05, correlation: float = 0.3, series: int = 1, nights: int = 60, seed: int = 1
) -> NDArray[np.float64]:
    """Logarithms, correlated from night to night; series, nights."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((series, nights)) * cv
    for night in range(1, nights):
        values[:, night] = correlation * values[:, night - 1] + np.sqrt(1 - correlation**2) * values[:, night]
    return values
