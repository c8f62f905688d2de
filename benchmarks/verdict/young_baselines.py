"""Young baselines: false claims of a whole family of scenarios, and what is found in its first run.

    python -m benchmarks.verdict.young_baselines

Thirteen scenarios with the metrics that are compared with baselines (p50, p95 / p50, throughput, success rate, mean
time to connect) have their second to fourteenth comparable run. Runs differ by the benchmark's drift
(`simulated_runs`), each scenario by its own, and a scenario is repeated where the detector asks for it. For each noise:
the share of runs with a false claim of any metric of any scenario, and the share of steps of one scenario that are
found in their first run, by the number of that run. About half an hour.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.engine.bench import table
from benchmarks.verdict.simulated_runs import Noise, Values
from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.baselines import MAX_REPETITIONS
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.plausibility import plausible_scale
from loadtasks.verdict.history.series_judgement import DetectorState
from loadtasks.verdict.history.series_settings import series_settings

SCENARIOS = 13
RUNS = 15
REQUESTS, LEVEL_S = 100, 0.01
"""What each run completes, and its median response time."""
STEPS = (1.3, 2.0, 4.0, 11.0, 42.0)
FIRST_RUNS = (2, 3, 5, 8, 14)
"""Numbers of comparable runs, from 1, with which a step comes."""
NOISES = {
    f"CV {cv:.0%}{name}": Noise(cv, **changes)
    for cv in (0.05, 0.10, 0.15)
    for name, changes in {
        "": {},
        ", no outliers": {"outliers": 0.0},
        ", repetitions equal, no outliers": {"outliers": 0.0, "within": 1.0},
        ", repetitions equal": {"within": 1.0},
    }.items()
}
_TAIL_NOISE, _CONNECT_NOISE, _THROUGHPUT_NOISE = 0.1, 0.2, 0.02
"""The standard deviations, in logarithms, of what each metric has of its own besides the drift: p95 / p50 of 100
requests, the mean time to connect, and throughput."""


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--families", type=int, default=200)
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same")
    arguments = options.parse_args()
    print(f"seed {arguments.seed}, {arguments.families} families a row", flush=True)
    heads = ["noise", "false", *(f"{step:g}x in run {run}" for step in STEPS for run in FIRST_RUNS)]
    rows = []
    for number, (name, noise) in enumerate(NOISES.items()):
        random = np.random.default_rng([arguments.seed, number])
        found = [
            f"{np.mean([_finds(noise, random, run, step) for _ in range(arguments.families // 4)]):.2f}"
            for step in STEPS
            for run in FIRST_RUNS
        ]
        false = [run for _ in range(arguments.families) for run in _false_claims(noise, random)]
        rows.append([name, f"{np.mean(false):.4f}", *found])
        print(rows[-1], flush=True)
    print(table(heads, rows))


def _false_claims(noise: Noise, random: np.random.Generator) -> list[bool]:
    """Whether each young run of a family has a false claim."""
    repetitions = _values(noise, random, RUNS)
    detector = _detector()
    claims = []
    for run in range(RUNS - 1):
        raised = _judge(detector, [values[:, run] for values in repetitions])
        for row in raised:
            detector.dismiss(row)
        claims.append(bool(raised))
    return claims[1:]


def _finds(noise: Noise, random: np.random.Generator, number: int, step: float) -> bool:
    """Whether a step of one scenario is found in its first run."""
    repetitions = _values(noise, random, number)
    for values in repetitions:
        of_first = values[: len(BASELINE_METRICS), number - 1]
        of_first[list(BASELINE_METRICS).index("p50_s")] += np.log(step)
        of_first[list(BASELINE_METRICS).index("throughput_per_s")] -= np.log(step)
    detector = _detector()
    raised: list[int] = []
    for run in range(number):
        raised = _judge(detector, [values[:, run] for values in repetitions])
        if run < number - 1:
            for row in raised:
                detector.dismiss(row)
    return any(row < len(BASELINE_METRICS) for row in raised)


def _judge(detector: Detector, repetitions: Sequence[Values]) -> list[int]:
    """Judge the next run, repeating scenarios as it is due. Returns the series of which a regression is raised."""
    metrics = len(BASELINE_METRICS)
    detector.begin_run(repetitions[0])
    for values in repetitions[1:]:
        due = np.array([reason is not None for reason in detector.repetitions_due()])
        scenarios = due.reshape(-1, metrics).any(axis=1)
        if not scenarios.any():
            break
        detector.add_repetition(np.where(np.repeat(scenarios, metrics), values, np.nan))
    return [
        row
        for row, judgement in enumerate(detector.judge())
        if judgement.raised and judgement.state is DetectorState.REGRESSED
    ]


def _detector() -> Detector:
    sensitivity = Sensitivity()
    settings = [
        series_settings(name, SCENARIOS, sensitivity, plausible_scale(name, REQUESTS, LEVEL_S))
        for name in BASELINE_METRICS
    ]
    return Detector(settings * SCENARIOS, FalseAlarmBudget(sensitivity.runs_per_false_alarm))


def _values(noise: Noise, random: np.random.Generator, runs: int) -> list[Values]:
    """The repetitions of all runs, each of shape (scenarios x metrics) x runs."""
    drifts = [noise.drift(random, SCENARIOS, runs)]
    for _ in range(MAX_REPETITIONS - 1):
        drifts.append(noise.repeat(random, drifts[-1]))
    shape = drifts[0].total.shape
    shared = [random.standard_normal(shape) for _ in range(2)]
    repetitions = []
    for drift in drifts:
        own = [
            np.sqrt(noise.within) * common + np.sqrt(1 - noise.within) * random.standard_normal(shape)
            for common in shared
        ]
        metrics = {
            "p50_s": drift.total,
            "p95_s": _TAIL_NOISE * own[0],
            "throughput_per_s": -drift.total + _THROUGHPUT_NOISE * random.standard_normal(shape),
            "success_rate": np.ones(shape),
            "connect_mean_s": _CONNECT_NOISE * own[1],
        }
        stacked = np.stack([metrics[name] for name in BASELINE_METRICS], axis=1)
        repetitions.append(stacked.reshape(-1, runs))
    return repetitions


if __name__ == "__main__":
    main()
