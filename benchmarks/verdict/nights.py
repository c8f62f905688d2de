"""The benchmark's nights, made up so that the truth is known.

60 nights of one scenario, 500 requests each, lognormal around 100 ms (sigma 0.35). All of a night is multiplied by its
drift: lognormal with a coefficient of variation, correlated from night to night (0.3), and 3 % of nights are outliers
(drift x 1.5). At a random night from 20 to 50 there comes a shift, of everything or of the slowest tenth, or never.
A run once more in the same night meets a drift of its own, a step from the first one's as a night is from the night
before: so the re-run of the anchors page's table finds and misses what it does there. Paired, a reference and the
candidate stand side by side in one night: rounds of 100 requests each, the drift shared within a round but for 3 %
noise on each side.
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
    within: float = 0.3
    """The correlation of a run with the one before it in the same night; at 1 both meet the same drift."""

    def drift(self, random: np.random.Generator, series: int, nights: int) -> "Drift":
        """That of each night of each series."""
        mood = np.empty((series, nights))
        for night in range(nights):
            fresh = self._standard(random, series)
            mood[:, night] = self._step(mood[:, night - 1], fresh, self.correlation) if night else fresh
        outlier = random.random((series, nights)) < self.outliers
        weekend = np.log1p(self.weekend) * (np.arange(nights) % 7 >= 5)  # noqa: PLR2004 - Saturday and Sunday
        stepped = random.standard_normal((series, nights)) * (random.random((series, nights)) < 1 / 30)
        return Drift(mood, outlier, weekend + self.steps * np.cumsum(stepped, axis=1))

    def again(self, random: np.random.Generator, before: "Drift") -> "Drift":
        """That of a run once more in each night."""
        shape = before.mood.shape
        mood = self._step(before.mood, self._standard(random, shape), self.within)
        fresh = random.random(shape) < self.outliers
        outlier = np.where(random.random(shape) < self.within, before.outlier, fresh)
        return replace(before, mood=mood, outlier=outlier)

    def _step(self, before: Values, fresh: Values, correlation: float) -> Values:
        return correlation * before + np.sqrt(1 - correlation**2) * fresh

    def _standard(self, random: np.random.Generator, shape: int | tuple[int, ...]) -> Values:
        deviation = np.sqrt(np.log1p(self.cv**2))
        if self.freedom is None:
            return random.standard_normal(shape) * deviation
        return random.standard_t(self.freedom, shape) / np.sqrt(self.freedom / (self.freedom - 2)) * deviation


@dataclass(frozen=True)
class Drift:
    """What all of a night's requests are multiplied by, in logarithms; of each night of each series."""

    mood: Values
    """What changes from run to run."""
    outlier: NDArray[np.bool_]
    lasting: Values
    """What all runs of a night have in common."""

    @property
    def total(self) -> Values:
        """All of it."""
        return self.mood + np.log(_OUTLIER) * self.outlier + self.lasting


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
    drift: Drift

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


def again(cell: Cell, first: Nights, seed: int, number: int = 1) -> list[Nights]:
    """Every night's load run so many times more in the same night."""
    random = np.random.default_rng([seed, 2, *cell_key(cell)])
    runs = [first]
    for _ in range(number):
        drift = cell.noise.again(random, runs[-1].drift)
        runs.append(Nights(_all_requests(random, cell, drift, first.shifted), first.shifted, drift))
    return runs[1:]


def paired(cell: Cell, series: int, rounds: int, seed: int) -> tuple[Nights, Nights]:
    """The reference's and the candidate's rounds, in the place of nights, of so many nights of a cell."""
    random = np.random.default_rng([seed, 1, *cell_key(cell)])
    drift = replace(cell.noise, correlation=0.0).drift(random, series, rounds)
    sides = []
    for on in (False, True):
        times = np.empty((series, rounds, ROUND_REQUESTS), dtype=np.float32)
        for row in range(series):
            side = drift.total[row] + _SIDE_NOISE * random.standard_normal(rounds)
            times[row] = _requests(random, side, ROUND_REQUESTS, np.full(rounds, on), cell.shift)
        sides.append(Nights(times, np.zeros(series, dtype=np.int64), drift))
    return sides[0], sides[1]


def cell_key(cell: Cell) -> list[int]:
    """Numbers that tell a cell from the others, for its seeds."""
    shift = 0 if cell.shift is None else 9999 if cell.shift == TAIL else round(float(cell.shift) * 1000)
    noise = cell.noise
    told = (noise.cv, noise.correlation, noise.outliers, noise.weekend, noise.steps, noise.freedom or 0.0)
    return [shift, *(round(each * 1000) for each in (*told, noise.within))]


def _all_requests(
    random: np.random.Generator, cell: Cell, drift: Drift, shifted: NDArray[np.int64]
) -> NDArray[np.float32]:
    total = drift.total
    times = np.empty((*total.shape, REQUESTS), dtype=np.float32)
    for row in range(len(total)):
        on = np.arange(total.shape[1]) >= shifted[row]
        times[row] = _requests(random, total[row], REQUESTS, on, cell.shift)
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
