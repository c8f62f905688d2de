"""The benchmark's runs, simulated so that the truth is known.

60 runs of one scenario, 500 requests each, lognormal around 100 ms (sigma 0.35). All requests of a run are multiplied
by its drift: lognormal with a coefficient of variation, a lag-1 autocorrelation of 0.3, and 3 % of runs are outliers
(drift x 1.5). At a random run from 20 to 50 there comes a shift, of everything or of the slowest tenth, or never. A
repetition of a run has a drift of its own, correlated with the one before as a run is with the run before. Paired, a
reference and the candidate are driven in rounds of 100 requests each; they share a round's drift but for 3 % noise on
each side.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RUNS = 60
FIRST_JUDGED = 20
"""The first run that is judged; a shift comes no earlier."""
LAST_SHIFTED = 50
"""The last run at which a shift comes: 10 runs are left to find it."""
REQUESTS = 500
ROUND_REQUESTS = 100
TAIL = "tail"
_LEVEL_S, _SIGMA = 0.1, 0.35
_SLOW_SHARE, _SLOW = 0.1, 1.5
_OUTLIER = 1.5
_SLOW_HOST = 1.25
_WANDER = 0.98
_SIDE_NOISE = 0.03


@dataclass(frozen=True)
class Noise:
    """How runs differ where nothing has changed."""

    cv: float
    correlation: float = 0.3
    outliers: float = 0.03
    weekend: float = 0.0
    """How much slower the two runs of a weekend are."""
    steps: float = 0.0
    """The standard deviation of lasting steps of the environment, which come with one run in thirty."""
    freedom: float | None = None
    """Degrees of freedom of Student's distribution in place of the normal, for heavy tails."""
    within: float = 0.3
    """The correlation of a repetition with the one before it in the same run; at 1 both have the same drift."""
    slow_hosts: float = 0.0
    """The share of runs on a host that is slower by a quarter, in all of their repetitions."""
    runs_on_host: float = 1.0
    """How many runs on, in the mean, a slower host is met before it changes: 1 where each run meets any."""
    wander: float = 0.0
    """The standard deviation of a slow wander, in those of the runs' drift: correlated by 0.98 from run to run. At 0.5,
    means of 14 runs that are independent otherwise vary 2.2 times what their own lag-1 autocorrelation gives."""
    bad_runs: float = 0.0
    """The share of runs that are bad in all of their repetitions, in the mean half as slow again."""
    loud_months: float = 1.0
    """In every other month of 30 runs, the drift is so many times as large."""

    def drift(self, random: np.random.Generator, series: int, runs: int) -> "Drift":
        """The drift of each run of each series."""
        varying = self._loudness(runs) * _correlated(
            self._standard(random, (series, runs), by_run=True), self.correlation
        )
        outlier = random.random((series, runs)) < self.outliers
        return Drift(varying, outlier, self.lasting(random, series, runs))

    def lasting(self, random: np.random.Generator, series: int, runs: int) -> Values:
        """What all repetitions of a run have in common, in logarithms; shape: series x runs."""
        weekend = np.log1p(self.weekend) * (np.arange(runs) % 7 >= 5)  # noqa: PLR2004 - Saturday and Sunday
        stepped = random.standard_normal((series, runs)) * (random.random((series, runs)) < 1 / 30)
        lasting: Values = weekend + self.steps * np.cumsum(stepped, axis=1)
        if self.slow_hosts:
            lasting = lasting + np.log(_SLOW_HOST) * self._meets_slow_host(random, series, runs)
        if self.wander:
            fresh = random.standard_normal((series, runs))
            lasting = lasting + self.wander * np.sqrt(np.log1p(self.cv**2)) * _correlated(fresh, _WANDER)
        if self.bad_runs:
            bad = random.random((series, runs)) < self.bad_runs
            lasting = lasting + bad * random.exponential(np.log(_OUTLIER), (series, runs))
        return lasting

    def repeat(self, random: np.random.Generator, before: "Drift") -> "Drift":
        """The drift of one more repetition of each run."""
        shape = before.varying.shape
        fresh_varying = self._loudness(shape[1]) * self._standard(random, shape)
        varying = self.within * before.varying + np.sqrt(1 - self.within**2) * fresh_varying
        fresh = random.random(shape) < self.outliers
        outlier = np.where(random.random(shape) < self.within, before.outlier, fresh)
        return replace(before, varying=varying, outlier=outlier)

    def _meets_slow_host(self, random: np.random.Generator, series: int, runs: int) -> NDArray[np.bool_]:
        """Shape: series x runs."""
        drawn = random.random((series, runs)) < self.slow_hosts
        changed = random.random((series, runs)) < 1 / self.runs_on_host
        changed[:, 0] = True
        drawn_in = np.maximum.accumulate(np.where(changed, np.arange(runs), 0), axis=1)
        slow: NDArray[np.bool_] = np.take_along_axis(drawn, drawn_in, axis=1)
        return slow

    def _loudness(self, runs: int) -> Values:
        """How many times as large the drift of each run is."""
        return np.where(np.arange(runs) // 30 % 2 == 1, self.loud_months, 1.0)

    def _standard(self, random: np.random.Generator, shape: tuple[int, int], by_run: bool = False) -> Values:
        """Independent drifts; `by_run`: drawn run by run, which keeps the numbers that a seed has always given."""
        deviation = np.sqrt(np.log1p(self.cv**2))
        drawn_shape = shape[::-1] if by_run else shape
        if self.freedom is None:
            drawn = random.standard_normal(drawn_shape) * deviation
        else:
            drawn = (
                random.standard_t(self.freedom, drawn_shape) / np.sqrt(self.freedom / (self.freedom - 2)) * deviation
            )
        return drawn.T if by_run else drawn


@dataclass(frozen=True)
class Drift:
    """The logarithm of what all of a run's requests are multiplied by; shapes: series x runs."""

    varying: Values
    """What changes from repetition to repetition."""
    outlier: NDArray[np.bool_]
    lasting: Values
    """What all repetitions of a run have in common."""

    @property
    def total(self) -> Values:
        """The whole drift."""
        return self.varying + np.log(_OUTLIER) * self.outlier + self.lasting


@dataclass(frozen=True)
class Cell:
    """One kind of noise with one kind of shift: a share (0.05 is +5 %), `TAIL`, or None for never."""

    noise: Noise
    shift: float | str | None


@dataclass(frozen=True)
class SimulatedRuns:
    """Series of one cell, and the truth."""

    times_s: NDArray[np.float32]
    """Shape: series x runs x requests; those of a run in ascending order."""
    shifted: NDArray[np.int64]
    """The first run of each series with the shift; the number of runs where there is none."""
    drift: Drift

    def percentile_s(self, share: float) -> Values:
        """A percentile of each run of each series; shape: series x runs."""
        rank = int(np.ceil(share * self.times_s.shape[2])) - 1
        return self.times_s[:, :, rank].astype(np.float64)


def simulate(cell: Cell, series: int, seed: int, count: int = RUNS) -> SimulatedRuns:
    """Series of a cell, with `count` runs each; the same seed gives the same."""
    random = np.random.default_rng([seed, *cell_key(cell)])
    never = cell.shift is None
    shifted = np.full(series, count) if never else random.integers(FIRST_JUDGED, LAST_SHIFTED + 1, series)
    drift = cell.noise.drift(random, series, count)
    return SimulatedRuns(_all_requests(random, cell, drift, shifted), shifted, drift)


def repeat(cell: Cell, first: SimulatedRuns, seed: int, number: int = 1) -> list[SimulatedRuns]:
    """Further repetitions of every run, `number` of them."""
    random = np.random.default_rng([seed, 2, *cell_key(cell)])
    repetitions = [first]
    for _ in range(number):
        drift = cell.noise.repeat(random, repetitions[-1].drift)
        requests = _all_requests(random, cell, drift, first.shifted)
        repetitions.append(SimulatedRuns(requests, first.shifted, drift))
    return repetitions[1:]


def simulate_rounds(cell: Cell, runs: int, rounds: int, seed: int) -> tuple[SimulatedRuns, SimulatedRuns]:
    """The reference's and the candidate's rounds; they take the place of runs, and runs that of series."""
    random = np.random.default_rng([seed, 1, *cell_key(cell)])
    drift = replace(cell.noise, correlation=0.0).drift(random, runs, rounds)
    sides = []
    for on in (False, True):
        times = np.empty((runs, rounds, ROUND_REQUESTS), dtype=np.float32)
        for row in range(runs):
            side = drift.total[row] + _SIDE_NOISE * random.standard_normal(rounds)
            times[row] = _requests(random, side, ROUND_REQUESTS, np.full(rounds, on), cell.shift)
        sides.append(SimulatedRuns(times, np.zeros(runs, dtype=np.int64), drift))
    return sides[0], sides[1]


def cell_key(cell: Cell) -> list[int]:
    """Numbers that differ from cell to cell, for its seeds."""
    shift = 0 if cell.shift is None else 9999 if cell.shift == TAIL else round(float(cell.shift) * 1000)
    noise = cell.noise
    parameters = (noise.cv, noise.correlation, noise.outliers, noise.weekend, noise.steps, noise.freedom or 0.0)
    further = (noise.slow_hosts, noise.runs_on_host, noise.wander, noise.bad_runs, noise.loud_months)
    is_plain = further == (0.0, 1.0, 0.0, 0.0, 1.0)
    all_parameters = (*parameters, noise.within, *(() if is_plain else further))
    return [shift, *(round(parameter * 1000) for parameter in all_parameters)]


def _correlated(fresh: Values, correlation: float) -> Values:
    """Drifts correlated from run to run, with the variance of the independent ones given; shape: series x runs."""
    varying = fresh.copy()
    for run in range(1, fresh.shape[1]):
        varying[:, run] = correlation * varying[:, run - 1] + np.sqrt(1 - correlation**2) * fresh[:, run]
    return varying


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
    scaled: NDArray[np.float32] = times * np.float32(_LEVEL_S) * np.exp(drift)[:, None].astype(np.float32)
    return scaled
