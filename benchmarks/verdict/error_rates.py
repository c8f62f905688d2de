"""Simulates the detection of changes of error rates: false alarms, repetitions, and what is found how soon.

    python -m benchmarks.verdict.error_rates [--series 400]

Series of counts of one family of ten scenarios with the default budget (one false alarm in 100 runs, of which a
hundredth is the share of the error rate of one scenario) are followed for 120 runs from the first one on, repeated
where the detector asks for it; each alarm is dismissed. The error rate of a run is the series' own times a gamma
variable of a coefficient of variation, which the next repetition keeps with a probability of 0.3. In _bursts_ one run
in thirty fails from 1 to 100 % of its requests, uniform in logarithms; a burst lasts into the next repetition with a
probability of 0.3, or into all of them (_all reps_), where nothing but later runs tells it from a regression.

The first table counts false alarms, next to those budgeted; the second one says what share of changes is found in
their first run, within 3 and within 10. Ends with 1 where a limit is missed: alarms beyond the budget (but for chance,
by Poisson's 1 %; bursts in all repetitions have no limit), or a change of the second table that is found too late. A
minute or two.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from loadtasks.verdict.history.baselines import MAX_REPETITIONS, MIN_BASELINE_RUNS, Values
from loadtasks.verdict.history.error_rates import ErrorRateDetector
from loadtasks.verdict.history.failure_counts import Counts
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.series_judgement import DetectorState

RUNS, SCENARIOS, BUDGET = 120, 10, 100.0
_SHARE = 0.1 / SCENARIOS
_WITHIN = 0.3
_SHIFTED = 30
_LATE = 10
_CHANCE, _MIN_FOUND = 0.01, 0.95


@dataclass(frozen=True)
class ErrorNoise:
    """How the failed requests of a series come about."""

    rate: float
    requests: int
    cv: float = 0.0
    bursts: float = 0.0
    """The share of runs that meet a burst."""
    lasting: float = _WITHIN
    """The probability that a burst lasts into the next repetition."""


@dataclass(frozen=True)
class RateShift:
    """A change that has to be found."""

    noise: ErrorNoise
    to: float
    within: int | None
    """In so many runs nineteen in twenty are found; None where that isn't required."""


class SimulatedErrors:
    """The counts of many series of one noise, run by run."""

    def __init__(self, noise: ErrorNoise, series: int, seed: int) -> None:
        """Begin before the first run."""
        self._noise, self._series = noise, series
        self._random = np.random.default_rng([seed, noise.requests, round(noise.rate * 1e6), round(noise.cv * 10)])

    def repetitions(self, rate: float) -> Iterator[Counts]:
        """The counts of one run at this rate, repetition by repetition; shape of each: series x 2."""
        factor, burst = self._factor(), self._random.random(self._series) < self._noise.bursts
        size = 10 ** self._random.uniform(-2, 0, self._series)
        while True:
            failing = np.where(burst, size, np.minimum(rate * factor, 1.0))
            requests = np.full(self._series, self._noise.requests)
            yield np.stack([self._random.binomial(requests, failing), requests], axis=1)
            burst &= self._random.random(self._series) < self._noise.lasting
            factor = np.where(self._random.random(self._series) < _WITHIN, factor, self._factor())

    def _factor(self) -> Values:
        if not self._noise.cv:
            return np.ones(self._series)
        shape = 1 / self._noise.cv**2
        return self._random.gamma(shape, 1 / shape, self._series)


def judge_run(detector: ErrorRateDetector, repetitions: Iterator[Counts]) -> tuple[list[int], int]:
    """Judge one run. Returns the series with an alarm, and how many were repeated."""
    detector.begin_run(next(repetitions))
    repeated = 0
    for number in range(1, MAX_REPETITIONS):
        due = np.array([reason is not None for reason in detector.repetitions_due()])
        if not due.any():
            break
        repeated += int(due.sum()) if number == 1 else 0
        detector.add_repetition(np.where(due[:, None], next(repetitions), 0))
    raised = [
        row
        for row, judgement in enumerate(detector.judge())
        if judgement.raised and judgement.state is DetectorState.REGRESSED
    ]
    return raised, repeated


def false_alarms(noise: ErrorNoise, series: int, seed: int) -> tuple[int, int, int]:
    """The false alarms of series without a change, those in young baselines among them, and runs repeated."""
    simulated, detector = SimulatedErrors(noise, series, seed), _detector(series)
    alarms = young = repeated = 0
    for run in range(RUNS):
        raised, again = judge_run(detector, simulated.repetitions(noise.rate))
        alarms, repeated = alarms + len(raised), repeated + again
        young += len(raised) if run < MIN_BASELINE_RUNS else 0
        for row in raised:
            detector.dismiss(row)
    return alarms, young, repeated


def delays(shift: RateShift, series: int, seed: int) -> NDArray[np.int64]:
    """In which run of a change, 1 is the first, each series has an alarm; beyond `_LATE` where it has none."""
    simulated, detector = SimulatedErrors(shift.noise, series, seed), _detector(series)
    found = np.full(series, _LATE + 1)
    for run in range(_SHIFTED + _LATE):
        is_shifted = run >= _SHIFTED
        raised, _ = judge_run(detector, simulated.repetitions(shift.to if is_shifted else shift.noise.rate))
        for row in raised:
            if is_shifted:
                found[row] = min(found[row], run - _SHIFTED + 1)
            else:
                detector.dismiss(row)
    return found


NOISES = (
    *(
        ErrorNoise(rate, 10_000, cv)
        for cv in (0.0, 1.0, 2.0)
        for rate in (0.0, 1e-5, 1e-4, 1e-3, 1e-2)
        if rate or not cv
    ),
    *(
        ErrorNoise(rate, requests, cv)
        for requests in (20, 100, 500)
        for rate, cv in ((1e-3, 0.0), (1e-2, 0.0), (1e-2, 2.0))
    ),
    *(ErrorNoise(0.0, requests, bursts=1 / 30) for requests in (20, 500, 10_000)),
    ErrorNoise(1e-3, 10_000, 1.0, bursts=1 / 30),
    *(ErrorNoise(0.0, requests, bursts=1 / 30, lasting=1.0) for requests in (20, 500, 10_000)),
)
SHIFTS = (
    RateShift(ErrorNoise(0.0, 10_000), 0.005, 3),
    RateShift(ErrorNoise(0.0, 10_000), 0.001, 10),
    RateShift(ErrorNoise(1e-4, 10_000), 0.005, 3),
    RateShift(ErrorNoise(1e-3, 10_000, 1.0), 0.01, 10),
    RateShift(ErrorNoise(1e-3, 10_000), 0.003, 10),
    RateShift(ErrorNoise(0.0, 10_000, bursts=1 / 30), 0.005, 3),
    RateShift(ErrorNoise(0.0, 500), 0.2, 3),
    RateShift(ErrorNoise(0.0, 500), 0.02, 10),
    RateShift(ErrorNoise(0.0, 500), 0.005, None),
    RateShift(ErrorNoise(0.0, 100), 0.05, 10),
    RateShift(ErrorNoise(0.0, 20), 0.2, 10),
    RateShift(ErrorNoise(0.0, 20), 0.05, None),
)


def main() -> int:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--series", type=int, default=400)
    options.add_argument("--seed", type=int, default=15)
    arguments = options.parse_args()
    series, missed = arguments.series, 0
    budget = series * RUNS * _SHARE / BUDGET
    print(
        f"{'requests':>8}  {'rate':>6}  {'CV':>3}  {'bursts':16}  alarms  in 14 runs  repeated   (budget {budget:.1f})"
    )
    for noise in NOISES:
        alarms, young, repeated = false_alarms(noise, series, arguments.seed)
        bursts = f"1 in {1 / noise.bursts:.0f}" + (", all reps" if noise.lasting == 1 else "") if noise.bursts else ""
        beyond = noise.lasting < 1 and poisson.sf(alarms - 1, budget) < _CHANCE
        missed += beyond
        print(
            f"{noise.requests:8,}  {noise.rate:6g}  {noise.cv:3g}  {bursts:16}  {alarms:6}  {young:10}  "
            f"{repeated / series / RUNS:8.2%}{'   beyond the budget' if beyond else ''}",
            flush=True,
        )
    print(f"\n{'requests':>8}  {'from':>6}  {'to':>6}  {'CV':>3}  {'bursts':7}  1st run  3 runs  10 runs")
    for shift in SHIFTS:
        found, noise = delays(shift, max(series // 2, 50), arguments.seed), shift.noise
        late = shift.within is not None and np.mean(found <= shift.within) < _MIN_FOUND
        missed += late
        shares = "  ".join(f"{np.mean(found <= runs):6.0%}" for runs in (1, 3, _LATE))
        bursts = f"1 in {1 / noise.bursts:.0f}" if noise.bursts else ""
        print(
            f"{noise.requests:8,}  {noise.rate:6g}  {shift.to:6g}  {noise.cv:3g}  {bursts:7}  {shares}"
            f"{f'   too late: within {shift.within}' if late else ''}",
            flush=True,
        )
    return 1 if missed else 0


def _detector(series: int) -> ErrorRateDetector:
    return ErrorRateDetector([_SHARE] * series, FalseAlarmBudget(BUDGET))


if __name__ == "__main__":
    sys.exit(main())
