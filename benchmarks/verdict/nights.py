"""The benchmark's nights, made up so that the truth is known.

60 nights of one scenario, 500 requests each, lognormal around 100 ms (sigma 0.35). All of a night is multiplied by its
drift: lognormal with a coefficient of variation, correlated from night to night (0.3), and 3 % of nights are outliers
(drift x 1.5). At a random night from 20 to 50 there comes a shift, of everything or of the slowest tenth, or never.
Paired, a reference and the candidate stand side by side in one night: rounds of 100 requests each, the drift shared
within a round but for 3 % noise on each side.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

NIGHTS = 60
JUDGED = 20
"""The first night that is judged; a shift comes no earlier."""
LAST = 50
"""The last night at which a shift comes: 10 nights are left to find it."""
REQUESTS = 500
ROUND_REQUESTS = 100
TAIL = "tail"
_PLACE_S, _SIGMA = 0.1, 0.35
_SLOW_SHARE, _SLOW = 0.1, 1.5
_OUTLIER = 1.5
_SIDE_NOISE = 0.03


@dataclass(frozen=True)
class Noise:
    """How nights differ where nothing has changed."""

    cv: float
    correlation: float = 0.3
    outliers: float = 0.03
    weekend: float = 0.0
    """How much slower the two nights of a weekend are."""
    steps: float = 0.0
    """The spread of lasting steps of the environment, one night in thirty."""
    freedom: float | None = None
    """Degrees of freedom of Student's distribution in place of the normal, for heavy tails."""

    def drift(self, random: np.random.Generator, series: int, nights: int) -> Values:
        """The logarithm of what each night of each series is multiplied by."""
        deviation = np.sqrt(np.log1p(self.cv**2))
        drift = np.empty((series, nights))
        for night in range(nights):
            fresh = self._standard(random, series) * deviation
            kept = self.correlation * drift[:, night - 1] if night else 0.0
            drift[:, night] = kept + fresh * (np.sqrt(1 - self.correlation**2) if night else 1.0)
        drift += np.log(_OUTLIER) * (random.random((series, nights)) < self.outliers)
        drift += np.log1p(self.weekend) * (np.arange(nights) % 7 >= 5)  # noqa: PLR2004 - Saturday and Sunday
        stepped = random.standard_normal((series, nights)) * (random.random((series, nights)) < 1 / 30)
        return drift + self.steps * np.cumsum(stepped, axis=1)

    def _standard(self, random: np.random.Generator, series: int) -> Values:
        if self.freedom is None:
            return random.standard_normal(series)
        return random.standard_t(self.freedom, series) / np.sqrt(self.freedom / (self.freedom - 2))


@dataclass(frozen=True)
class Cell:
    """One kind of noise with one kind of shift: a share (0.05 is +5 %), `TAIL`, or None for never."""

    noise: Noise
    shift: float | str | None


@dataclass(frozen=True)
class Nights:
    """Series of one cell, and the truth."""

    times_s: NDArray[np.float32]
    """Series, nights, requests; each night's in ascending order."""
    shifted: NDArray[np.int64]
    """The first night of each series with the shift; `NIGHTS` where there is none."""
    drift: Values
    """The logarithm of what each night's requests are multiplied by."""

    def percentile_s(self, share: float) -> Values:
        """Of each night of each series."""
        rank = int(np.ceil(share * self.times_s.shape[2])) - 1
        return self.times_s[:, :, rank].astype(np.float64)


def nights(cell: Cell, series: int, seed: int, count: int = NIGHTS) -> Nights:
    """So many series of a cell; the same seed gives the same."""
    random = np.random.default_rng([seed, *cell_key(cell)])
    never = cell.shift is None
    shifted = np.full(series, count) if never else random.integers(JUDGED, LAST + 1, series)
    drift = cell.noise.drift(random, series, count)
    return Nights(_all_requests(random, cell, drift, shifted), shifted, drift)


def again(cell: Cell, first: Nights, seed: int) -> Nights:
    """Every night's load run once more in the same night, so with the same drift."""
    random = np.random.default_rng([seed, 2, *cell_key(cell)])
    return replace(first, times_s=_all_requests(random, cell, first.drift, first.shifted))


def paired(cell: Cell, series: int, rounds: int, seed: int) -> tuple[Nights, Nights]:
    """The reference's and the candidate's rounds, in the place of nights, of so many nights of a cell."""
    random = np.random.default_rng([seed, 1, *cell_key(cell)])
    drift = replace(cell.noise, correlation=0.0).drift(random, series, rounds)
    sides = []
    for on in (False, True):
        times = np.empty((series, rounds, ROUND_REQUESTS), dtype=np.float32)
        for row in range(series):
            side = drift[row] + _SIDE_NOISE * random.standard_normal(rounds)
            times[row] = _requests(random, side, ROUND_REQUESTS, np.full(rounds, on), cell.shift)
        sides.append(Nights(times, np.zeros(series, dtype=np.int64), drift))
    return sides[0], sides[1]


def cell_key(cell: Cell) -> list[int]:
    """Numbers that tell a cell from the others, for its seeds."""
    shift = 0 if cell.shift is None else 9999 if cell.shift == TAIL else round(float(cell.shift) * 1000)
    noise = cell.noise
    parts = (noise.cv, noise.correlation, noise.outliers, noise.weekend, noise.steps, noise.freedom or 0.0)
    return [shift, *(round(each * 1000) for each in parts)]


def _all_requests(
    random: np.random.Generator, cell: Cell, drift: Values, shifted: NDArray[np.int64]
) -> NDArray[np.float32]:
    times = np.empty((*drift.shape, REQUESTS), dtype=np.float32)
    for row in range(len(drift)):
        on = np.arange(drift.shape[1]) >= shifted[row]
        times[row] = _requests(random, drift[row], REQUESTS, on, cell.shift)
    return times


def _requests(
    random: np.random.Generator, drift: Values, number: int, on: NDArray[np.bool_], shift: float | str | None
) -> NDArray[np.float32]:
    times = np.exp(_SIGMA * random.standard_normal((len(drift), number), dtype=np.float32))
    times.sort(axis=1)
    if shift == TAIL:
        times[on, -int(_SLOW_SHARE * number) :] *= _SLOW
    elif shift is not None:
        times[on] *= np.float32(1 + float(shift))
    scaled: NDArray[np.float32] = times * np.float32(_PLACE_S) * np.exp(drift)[:, None].astype(np.float32)
    return scaled
