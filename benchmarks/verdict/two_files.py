"""Two results files compared: false claims of a whole comparison, and what is found of a change.

    python -m benchmarks.verdict.two_files

Each file holds thirteen scenarios of 100 requests, lognormal around 10 ms (sigma 0.35), compared by the product's own
`compare_documents`. Runs differ by the benchmark's drift (`simulated_runs`), each scenario by its own: a coefficient of
variation (CV), a lag-1 autocorrelation of 0.3, and 3 % of runs half as slow again; the two files are twenty runs apart.
The time to connect has 20 % of its own. For each noise, without a history and with the history of some runs of this
machine: the share of comparisons of one build with any false claim (of any metric of any scenario, for the worse or the
better), with its 95 % interval, and the share of changes of one scenario that are found. About forty minutes on one
core.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import product

import numpy as np
from scipy.special import betaincinv

from benchmarks.engine.bench import table
from benchmarks.verdict.simulated_runs import Noise, Values
from loadtasks.measurement.health import Health
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.measurement.model import Counts, Measurement, Phase, Protocol
from loadtasks.results.document import RepetitionSummary, ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.judgement import Verdict
from loadtasks.results.run import Run
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.verdict.compare_documents import compare_documents
from loadtasks.verdict.two_files import PastRuns

SCENARIOS = [f"endpoint{number}.closed" for number in range(13)]
REQUESTS, LEVEL_S, SIGMA = 100, 0.01, 0.35
STEPS = (1.1, 1.3, 1.5, 2.0, 4.0)
HISTORIES = (0, 5, 30)
APART = 20
"""Runs between the two files: so many that their drifts are not correlated."""
_CONNECT_NOISE = 0.2
_NOW = datetime(2030, 1, 1, tzinfo=UTC)
NOISES = {
    **{f"CV {cv:.0%}": Noise(cv) for cv in (0.05, 0.10, 0.15)},
    "CV 20%": Noise(0.20),
    "CV 10%, no outliers": Noise(0.10, outliers=0.0),
    "CV 10%, heavy tails (t5)": Noise(0.10, freedom=5),
}
"""The first three have the limit of 1 in 100; the others show what lies beyond it."""
REQUIRED = tuple(NOISES)[:3]


@dataclass(frozen=True)
class Cell:
    """One row of the table."""

    noise: str
    history: int
    repetitions: int = 1


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--comparisons", type=int, default=2000)
    options.add_argument("--noises", nargs="+", default=list(NOISES))
    options.add_argument("--histories", nargs="+", type=int, default=list(HISTORIES))
    options.add_argument("--repetitions", nargs="+", type=int, default=[1])
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same")
    arguments = options.parse_args()
    print(f"seed {arguments.seed}, {arguments.comparisons} comparisons a row", flush=True)
    heads = ["noise", "history", "repetitions", "false", "95 % interval", *(f"{step:g}x" for step in STEPS)]
    rows = []
    for noise, history, repetitions in product(arguments.noises, arguments.histories, arguments.repetitions):
        cell = Cell(noise, history, repetitions)
        random = np.random.default_rng([arguments.seed, list(NOISES).index(noise), history, repetitions])
        false = sum(_claims(cell, random) for _ in range(arguments.comparisons))
        found = np.array([_found(cell, random) for _ in range(arguments.comparisons // 5)]).mean(axis=0)
        low, high = _interval(false, arguments.comparisons)
        rows.append(
            [
                noise,
                f"{history} runs" if history else "none",
                str(repetitions),
                f"{false / arguments.comparisons:.2%}",
                f"{low:.2%} to {high:.2%}",
                *(f"{share:.2f}" for share in found),
            ]
        )
        print(rows[-1], flush=True)
    print(table(heads, rows))


def _claims(cell: Cell, random: np.random.Generator) -> bool:
    """Whether a comparison of two files of one build claims anything."""
    return any(_claimed(cell, random, np.ones(len(SCENARIOS))))


def _found(cell: Cell, random: np.random.Generator) -> list[bool]:
    """Whether each of the steps, of a scenario each, is found as a regression."""
    factors = np.ones(len(SCENARIOS))
    factors[: len(STEPS)] = STEPS
    return _claimed(cell, random, factors, FindingKind.REGRESSION)[: len(STEPS)]


def _claimed(cell: Cell, random: np.random.Generator, factors: Values, *kinds: FindingKind) -> list[bool]:
    """Of each scenario, whether a change is claimed; its times are multiplied by these factors in the later file."""
    noise = NOISES[cell.noise]
    first = noise.drift(random, len(SCENARIOS), cell.history + APART + 1)
    drifts = [first]
    for _ in range(cell.repetitions - 1):
        drifts.append(noise.repeat(random, drifts[-1]))
    before = _document(random, "before", [drift.total[:, cell.history] for drift in drifts])
    now = _document(random, "now", [drift.total[:, -1] + np.log(factors) for drift in drifts])
    compared = compare_documents(now, before, _past(random, now, first.total[:, : cell.history]))
    return [
        any(finding.kind in (kinds or (FindingKind.REGRESSION, FindingKind.IMPROVEMENT)) for finding in result.findings)
        for result in compared.scenarios
    ]


def _document(random: np.random.Generator, run_id: str, drifts: list[Values]) -> ResultsDocument:
    """A run whose scenarios have these drifts, in each repetition; the middle one of the repetitions is reported."""
    scenarios = []
    for number, scenario in enumerate(SCENARIOS):
        measured = [_measurement(random, scenario, float(drift[number])) for drift in drifts]
        ordered = sorted(measured, key=lambda measurement: measurement.p50_s or 0.0)
        reported = ordered[(len(ordered) - 1) // 2]
        scenarios.append(
            ScenarioResult(
                scenario=scenario,
                endpoint="endpoint",
                verdict=Verdict.PASS,
                measurements=[reported],
                repetitions=[
                    RepetitionSummary(
                        started_at=_NOW,
                        p50_s=one.p50_s,
                        p95_s=one.p95_s,
                        success_rate=1.0,
                        reported=one is reported,
                        trusted=True,
                    )
                    for one in measured
                ]
                if len(measured) > 1
                else [],
            )
        )
    return ResultsDocument(run=_run(run_id), verdict=Verdict.PASS, scenarios=scenarios)


def _measurement(random: np.random.Generator, scenario: str, drift: float) -> Measurement:
    times_s = LEVEL_S * np.exp(drift + SIGMA * random.standard_normal(REQUESTS))
    histogram = Histogram()
    histogram.record(times_s)
    connect_s = 10 * 0.001 * float(np.exp(_CONNECT_NOISE * random.standard_normal()))
    first = _template()
    return first.model_copy(
        update={
            "scenario": scenario,
            "response": histogram,
            "elapsed_s": float(times_s.sum()) / 10,
            "phases": {"connect": Phase(count=10, total_s=connect_s, max_s=connect_s)},
        }
    )


@cache
def _template() -> Measurement:
    """What all measurements have in common."""
    return Measurement(
        scenario=SCENARIOS[0],
        endpoint="endpoint",
        protocol=Protocol.HTTP,
        scenario_hash="5eed",
        load={"model": "closed", "workers": 10, "requests": REQUESTS},
        started_at=_NOW,
        elapsed_s=1.0,
        counts=Counts(scheduled=REQUESTS, completed=REQUESTS, throttled=0, failed=0, dropped=0, in_flight=0),
        response=Histogram(),
        service=Histogram(),
        send_lag=Histogram(),
        statuses={"200": REQUESTS},
        errors=[],
        phases={},
        exemplars=[],
        health=Health(
            cpu_share=0.2, loop_lag_p99_s=0.0, loop_lag_max_s=0.0, send_lag_p99_s=0.0, waited_for_connection=0
        ),
    )


@cache
def _run(run_id: str) -> Run:
    return Run(
        id=run_id,
        started_at=_NOW,
        trigger="manual",
        target_url="http://127.0.0.1:8000",
        generator="simulated",
        processes=1,
        service="simulated",
        scenarios=SCENARIOS,
        version="simulated",
    )


def _past(random: np.random.Generator, document: ResultsDocument, drifts: Values) -> PastRuns:
    """A history of runs with these drifts; shape: scenarios x runs."""
    if not drifts.shape[1]:
        return PastRuns()
    of_run = {name: np.empty_like(drifts) for name in BASELINE_METRICS}
    density = SIGMA * np.sqrt(2 * np.pi)
    median_error = 0.5 * density / np.sqrt(REQUESTS)
    of_run["p50_s"] = LEVEL_S * np.exp(drifts + median_error * random.standard_normal(drifts.shape))
    tail_error = SIGMA * np.sqrt(0.95 * 0.05 / REQUESTS) / 0.1031  # the normal density at its 95th percentile
    of_run["p95_s"] = LEVEL_S * np.exp(drifts + 1.645 * SIGMA + tail_error * random.standard_normal(drifts.shape))
    mean_error = SIGMA / np.sqrt(REQUESTS)
    of_run["throughput_per_s"] = 1 / (LEVEL_S * np.exp(drifts + mean_error * random.standard_normal(drifts.shape)))
    of_run["success_rate"] = np.ones_like(drifts)
    of_run["connect_mean_s"] = 0.001 * np.exp(_CONNECT_NOISE * random.standard_normal(drifts.shape))
    stacked = np.stack([of_run[name] for name in BASELINE_METRICS], axis=2)
    return PastRuns({(name, ""): series for name, series in _series(document, stacked)})


def _series(document: ResultsDocument, values: Values) -> Iterator[tuple[str, MetricSeries]]:
    for result, of_scenario in zip(document.scenarios, values, strict=True):
        fingerprint = Fingerprint.of(document.run, result.measurements[0])
        points = [
            SeriesPoint(f"run-{number}", number, _NOW, None, fingerprint, row, REQUESTS, row[None, :])
            for number, row in enumerate(of_scenario)
        ]
        yield result.scenario, MetricSeries(result.scenario, "", points)


def _interval(number: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Clopper & Pearson 1934)."""
    low = float(betaincinv(number, of - number + 1, 0.025)) if number else 0.0
    high = float(betaincinv(number + 1, of - number, 0.975)) if number < of else 1.0
    return low, high


if __name__ == "__main__":
    main()
