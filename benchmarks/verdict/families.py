"""False alarms of whole families of series, under kinds of noise that real series show.

    python -m benchmarks.verdict.families

Nine scenarios with the metrics that are compared with baselines are followed for a year of 365 runs, in many families
side by side. A scenario is repeated where the detector asks for it, up to three times, and every alarm is dismissed
with its run. The budget of one false alarm in 100 runs is that of a whole family: 3.65 runs a year may raise one or
more. A row a kind of noise: runs a year with an alarm, with their 95 % interval (Poisson); runs a year in which an
improvement is reported, which no budget limits; the share of scenarios' runs that are repeated since they look worse.

Ends with 1 where an interval is above the budget, but for the noises without a stable level (in brackets).
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaincinv

from benchmarks.engine.bench import table
from benchmarks.verdict.simulated_runs import Drift, Noise, Values
from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.baselines import MAX_REPETITIONS
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.plausibility import plausible_scale
from loadtasks.verdict.history.series_judgement import DetectorState
from loadtasks.verdict.history.series_settings import series_settings

SCENARIOS, RUNS = 9, 365
METRICS = len(BASELINE_METRICS)
_REQUESTS, _LEVEL_S = 500, 0.1
_TAIL_NOISE, _CONNECT_NOISE, _THROUGHPUT_NOISE = 0.05, 0.1, 0.02
"""The standard deviations, in logarithms, of what a metric has of its own besides the runs' drift."""
_TICK = 1.0
_P50_TICKS, _P95_TICKS, _CONNECT_TICKS = 5.5, 9.0, 5.5
_MISSING, _GAPS = 0.1, 0.01
"""The share of a scenario's runs that are missing, and of those after which it is missing for a week as well."""


@dataclass(frozen=True)
class Kind:
    """One kind of noise of a family."""

    noise: Noise
    is_shared: bool = True
    """Whether all scenarios of a run share what lasts through its repetitions: they meet one host."""
    has_ticks: bool = False
    """Whether times are known in ticks of 1 ms only."""
    has_gaps: bool = False
    is_stable: bool = True
    """Whether the series has a stable level, so that the budget has to hold."""


def _autocorrelated(correlation: float) -> Kind:
    """What wanders from run to run hardly changes from repetition to repetition."""
    return Kind(Noise(0.10, correlation=correlation, outliers=0.0, within=0.9))


_CALM = Noise(0.05, correlation=0.0, outliers=0.0)
_QUIET = Noise(0.02, correlation=0.0, outliers=0.0)
KINDS = {
    "independent, normal": Kind(Noise(0.10, correlation=0.0, outliers=0.0)),
    "heavy tails (t, 3)": Kind(Noise(0.10, correlation=0.0, outliers=0.0, freedom=3.0)),
    "missing runs": Kind(Noise(0.10), has_gaps=True),
    "weekends 10 % slower": Kind(Noise(0.05, weekend=0.10)),
    "ticks of 1 ms near 5.5 ms": Kind(_CALM, has_ticks=True),
    "30 % of runs on a slower host": Kind(replace(_CALM, slow_hosts=0.3)),
    "30 % on a slower host, CV 2 %": Kind(replace(_QUIET, slow_hosts=0.3)),
    "30 % on a slower host, by scenario": Kind(replace(_QUIET, slow_hosts=0.3), is_shared=False),
    "one run in 20 bad, all scenarios": Kind(replace(_CALM, bad_runs=1 / 20)),
    "one run in 30 bad, all scenarios": Kind(replace(_CALM, bad_runs=1 / 30)),
    "one run in 25 bad, by scenario": Kind(replace(_CALM, bad_runs=1 / 25), is_shared=False),
    **{f"AR(1) {correlation:g}": _autocorrelated(correlation) for correlation in (0.3, 0.7, 0.8)},
    "CV 5 % and 15 % by month": Kind(replace(_CALM, loud_months=3.0)),
    "slow wander": Kind(replace(_CALM, wander=0.5)),
    "(AR(1) 0.9)": replace(_autocorrelated(0.9), is_stable=False),
    "(slower host for 20 runs)": Kind(replace(_CALM, slow_hosts=0.3, runs_on_host=20.0), is_stable=False),
}


@dataclass
class Year:
    """What is counted of families that are each followed for a year."""

    families: int
    alarm_runs: int = 0
    """Runs of a family with an alarm of any metric of any scenario."""
    improved_runs: int = 0
    repeated: int = 0
    """Runs of scenarios that are repeated since they look worse."""

    @property
    def a_year(self) -> float:
        """Runs a year with an alarm."""
        return self.alarm_runs / self.families

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the runs a year with an alarm: exact, of a Poisson's mean."""
        low = gammaincinv(self.alarm_runs, 0.025) if self.alarm_runs else 0.0
        return float(low) / self.families, float(gammaincinv(self.alarm_runs + 1, 0.975)) / self.families


def main() -> int:
    """Print a row a kind of noise."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--families", type=int, default=20, help="of each kind of noise, a year each")
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same")
    options.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="only the noises with this in their name"
    )
    arguments = options.parse_args()
    sensitivity = Sensitivity()
    budget = RUNS / sensitivity.runs_per_false_alarm
    print(
        f"seed {arguments.seed}, {arguments.families} families a row, {budget:g} alarm runs a year budgeted", flush=True
    )
    rows, exceeded = [], []
    for number, (name, kind) in enumerate(KINDS.items()):
        if arguments.only and not any(part in name for part in arguments.only):
            continue
        year = follow(kind, arguments.families, np.random.default_rng([arguments.seed, number]), sensitivity)
        low, high = year.interval
        repeated = year.repeated / (year.families * SCENARIOS * RUNS)
        improved = year.improved_runs / year.families
        rows.append([name, f"{year.a_year:.2f}", f"{low:.2f} to {high:.2f}", f"{improved:.2f}", f"{repeated:.1%}"])
        print(" | ".join(rows[-1]), flush=True)
        if kind.is_stable and low > budget:
            exceeded.append(f"{name}: {year.a_year:.1f} alarm runs a year; the budget is {budget:g}")
    print("\n" + table(["noise", "alarm runs", "95 %", "improved", "repeated"], rows))
    for problem in exceeded:
        print(problem)
    return 1 if exceeded else 0


def follow(kind: Kind, families: int, random: np.random.Generator, sensitivity: Sensitivity) -> Year:
    """Follow families of one kind for a year."""
    repetitions = measure(kind, families, random)
    settings = [
        series_settings(name, SCENARIOS, sensitivity, plausible_scale(name, _REQUESTS, _LEVEL_S))
        for name in BASELINE_METRICS
    ]
    of_families = [
        replace(of_metric, peers=family * METRICS + metric)
        for family in range(families)
        for metric, of_metric in list(enumerate(settings)) * SCENARIOS
    ]
    detector = Detector(of_families, FalseAlarmBudget(sensitivity.runs_per_false_alarm))
    year = Year(families)
    for run in range(RUNS):
        year.repeated += begin_run(detector, [values[:, run] for values in repetitions])
        worse, better = set(), set()
        for row, judgement in enumerate(detector.judge()):
            if not judgement.raised:
                continue
            family = row // (SCENARIOS * METRICS)
            if judgement.state is DetectorState.REGRESSED:
                worse.add(family)
                detector.dismiss(row)
            else:
                better.add(family)
        year.alarm_runs += len(worse)
        year.improved_runs += len(better)
    return year


def begin_run(detector: Detector, repetitions: Sequence[Values]) -> int:
    """Begin a run, and repeat each scenario as long as the detector asks for it.

    Args:
        detector: Its rows are the metrics of one scenario after the other.
        repetitions: What each further measurement of a scenario would show; each of shape rows.

    Returns:
        How many scenarios are repeated since they look worse.
    """
    detector.begin_run(repetitions[0])
    repeated = 0
    for number, values in enumerate(repetitions[1:]):
        reasons = detector.repetitions_due()
        due = np.array([reason is not None for reason in reasons]).reshape(-1, METRICS).any(axis=1)
        if not number:
            suspect = np.array([reason is RepetitionReason.SUSPECT for reason in reasons])
            repeated = int(suspect.reshape(-1, METRICS).any(axis=1).sum())
        if not due.any():
            break
        detector.add_repetition(np.where(np.repeat(due, METRICS), values, np.nan))
    return repeated


def measure(kind: Kind, families: int, random: np.random.Generator) -> list[Values]:
    """The values of all measurements, in the order of `BASELINE_METRICS`: first ones, then repetitions.

    Each of shape (families x scenarios x metrics) x runs.
    """
    series = families * SCENARIOS
    common, tail, connect = (_drifts(replace(kind.noise, **own), series, random) for own in ({}, _OWN, _OWN))
    shared = kind.noise.lasting(random, families if kind.is_shared else series, RUNS)
    lasting = np.repeat(shared, SCENARIOS if kind.is_shared else 1, axis=0)
    missing = _missing(series, random) if kind.has_gaps else np.zeros((series, RUNS), dtype=bool)
    ticks = _in_ticks if kind.has_ticks else _exact
    measured = []
    for drift, own_tail, own_connect in zip(common, tail, connect, strict=True):
        slower = drift.varying + np.log(1.5) * drift.outlier + lasting
        p50 = ticks(slower, _P50_TICKS)
        p95 = ticks(slower + _TAIL_NOISE / kind.noise.cv * own_tail.varying, _P95_TICKS)
        values = {
            "p50_s": p50,
            "p95_s": p95 - p50,
            "throughput_per_s": -slower + _THROUGHPUT_NOISE * random.standard_normal(slower.shape),
            "success_rate": np.ones(slower.shape),
            "connect_mean_s": ticks(_CONNECT_NOISE / kind.noise.cv * own_connect.varying + lasting, _CONNECT_TICKS),
        }
        stacked = np.stack([np.where(missing, np.nan, values[name]) for name in BASELINE_METRICS], axis=1)
        measured.append(stacked.reshape(-1, RUNS))
    return measured


_OWN = {"outliers": 0.0}
"""What metrics have of their own has no outliers."""


def _drifts(noise: Noise, series: int, random: np.random.Generator) -> list[Drift]:
    drifts = [noise.drift(random, series, RUNS)]
    for _ in range(MAX_REPETITIONS - 1):
        drifts.append(noise.repeat(random, drifts[-1]))
    return drifts


def _missing(series: int, random: np.random.Generator) -> np.ndarray:
    missing = random.random((series, RUNS)) < _MISSING
    for row, run in np.argwhere(random.random((series, RUNS)) < _GAPS):
        missing[row, run : run + 7] = True
    return missing


def _exact(values: Values, level: float) -> Values:
    return values + np.log(level)


def _in_ticks(values: Values, level: float) -> Values:
    return np.log(np.maximum(np.round(level * np.exp(values) / _TICK), 1.0) * _TICK)


if __name__ == "__main__":
    sys.exit(main())
