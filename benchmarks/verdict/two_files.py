"""Two results files compared: false claims of a whole comparison, and what is found of a change.

    python -m benchmarks.verdict.two_files

Each file holds thirteen scenarios of 100 requests, lognormal around 10 ms (sigma 0.35). Runs differ by the benchmark's
drift (`simulated_runs`), each scenario by its own: a coefficient of variation (CV), a lag-1 autocorrelation of 0.3, and
3 % of runs half as slow again. The two files are twenty runs apart; the time to connect has 20 % of its own. For each
noise, without a history and with one of 5 or 30 runs of this machine: the share of comparisons of one build with any
false claim (of p50, p95 / p50, throughput or the time to connect of any scenario, for the worse or the better), with
its 95 % interval, and the share of slowdowns of one scenario that are found. The statistics are the product's own
(`loadtasks.verdict.history.two_runs`); some comparisons of each row are also made of whole results documents by
`compare_documents`, which must claim the same. About five minutes on one core.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrik, betaincinv

from benchmarks.engine.bench import table
from benchmarks.verdict.simulated_runs import Noise, Values
from loadtasks.measurement.health import Health
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS
from loadtasks.measurement.model import Counts, Measurement, Phase, Protocol
from loadtasks.results.document import RepetitionSummary, ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.judgement import Verdict
from loadtasks.results.run import Run
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.settings import Sensitivity
from loadtasks.verdict.compare_documents import compare_documents
from loadtasks.verdict.file_pairs import PastRuns
from loadtasks.verdict.history import two_runs
from loadtasks.verdict.history.plausibility import environment_scale
from loadtasks.verdict.two_files import MIN_SCALE_SHARE

SCENARIOS = [f"endpoint{number}.closed" for number in range(13)]
REQUESTS, LEVEL_S, SIGMA = 100, 0.01, 0.35
CONNECTIONS, CONNECT_S, CONNECT_NOISE = 10, 0.001, 0.2
STEPS = (1.1, 1.3, 1.5, 2.0, 3.0, 4.0)
APART = 20
"""Runs between the two files: so many that their drifts are not correlated."""
NOISES = {
    **{f"CV {cv:.0%}": Noise(cv) for cv in (0.05, 0.10, 0.15)},
    "CV 20%": Noise(0.20),
    "CV 10%, no outliers": Noise(0.10, outliers=0.0),
    "CV 10%, heavy tails": Noise(0.10, freedom=5),
    "CV 10%, repetitions equal": Noise(0.10, within=1.0),
}
LIMITED = tuple(NOISES)[:3]
"""The noises with a limit: false claims in at most one of a hundred comparisons."""
_LIMIT = 0.01
_BATCH = 250
_JUDGED = ("p50_s", "p95_s", "throughput_per_s", "connect_mean_s")
_NOW = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cell:
    """One row of the table."""

    noise: str
    history: int = 0
    """How many runs of this machine are known."""
    repetitions: int = 1
    """How often each file's run measured a scenario."""


CELLS = (
    *(Cell(noise, history) for noise in LIMITED for history in (0, 5, 30)),
    *(Cell(noise, 0, 3) for noise in LIMITED),
    Cell("CV 20%"),
    Cell("CV 10%, no outliers"),
    Cell("CV 10%, heavy tails"),
    Cell("CV 10%, repetitions equal", 0, 3),
)


@dataclass(frozen=True)
class SimulatedFiles:
    """Many comparisons of two files."""

    now: Values
    """Response times, sorted; shape: comparisons x scenarios x repetitions x requests."""
    before: Values
    """The same of the other file."""
    connect_now_s: Values
    """Mean times to connect; shape: comparisons x scenarios."""
    connect_before_s: Values
    """The same of the other file."""
    history: Values
    """Earlier runs by each of `BASELINE_METRICS`; shape: comparisons x scenarios x runs x metrics."""


def main() -> int:
    """Print the table. Returns the exit code: 1 where a limit doesn't hold."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--comparisons", type=int, default=4000, help="of one build, a row")
    options.add_argument("--documents", type=int, default=20, help="of them made of whole documents too")
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same")
    arguments = options.parse_args()
    print(f"seed {arguments.seed}, {arguments.comparisons} comparisons a row", flush=True)
    heads = ["noise", "history", "repetitions", "false", "95 % interval", *(f"{step:g}x" for step in STEPS)]
    rows, broken = [], []
    for number, cell in enumerate(CELLS):
        random = np.random.default_rng([arguments.seed, number])
        false = _count_false(cell, random, arguments.comparisons, arguments.documents)
        found = _share_found(cell, random, arguments.comparisons // 10)
        low, high = _interval(false, arguments.comparisons)
        share = false / arguments.comparisons
        if cell.noise in LIMITED and share > _LIMIT:
            broken.append(cell)
        known = f"{cell.history} runs" if cell.history else "none"
        bounds = f"{low:.2%} to {high:.2%}"
        rows.append(
            [cell.noise, known, str(cell.repetitions), f"{share:.2%}", bounds, *(f"{one:.2f}" for one in found)]
        )
        print(rows[-1], flush=True)
    print(table(heads, rows))
    for cell in broken:
        print(f"{cell}: more than {_LIMIT:.0%} false claims")
    return 1 if broken else 0


def _count_false(cell: Cell, random: np.random.Generator, comparisons: int, documents: int) -> int:
    """How many comparisons of one build claim anything."""
    false = 0
    for first in range(0, comparisons, _BATCH):
        files = _simulate(cell, random, min(_BATCH, comparisons - first), np.ones(len(SCENARIOS)))
        claims = _claims(files)
        false += int(claims.any(axis=(1, 2)).sum())
        if first == 0:
            _check(files, claims, documents)
    return false


def _share_found(cell: Cell, random: np.random.Generator, comparisons: int) -> Values:
    """The share of comparisons in which each step, of a scenario each, is a regression."""
    factors = np.ones(len(SCENARIOS))
    factors[: len(STEPS)] = STEPS
    batches = [
        _claims(_simulate(cell, random, min(_BATCH, comparisons - first), factors))
        for first in range(0, comparisons, _BATCH)
    ]
    worse: Values = (np.concatenate(batches)[:, : len(STEPS)] > 0).any(axis=2).mean(axis=0)
    return worse


def _simulate(cell: Cell, random: np.random.Generator, comparisons: int, factors: Values) -> SimulatedFiles:
    """Comparisons in which the times of each scenario are multiplied by a factor in the later file."""
    noise, shape = NOISES[cell.noise], (comparisons, len(SCENARIOS))
    runs = cell.history + APART + 1
    drifts = [noise.drift(random, comparisons * len(SCENARIOS), runs)]
    for _ in range(cell.repetitions - 1):
        drifts.append(noise.repeat(random, drifts[-1]))
    totals = np.stack([drift.total.reshape(*shape, runs) for drift in drifts], axis=3)

    def times_s(drift: Values) -> Values:
        spread = random.standard_normal((*drift.shape, REQUESTS))
        made: Values = np.sort(LEVEL_S * np.exp(drift[..., None] + SIGMA * spread), axis=-1)
        return np.rint(made * 1e6) / 1e6

    def connect_s(*size: int) -> Values:
        made: Values = CONNECT_S * np.exp(CONNECT_NOISE * random.standard_normal((*shape, *size)))
        return made

    earlier = times_s(totals[:, :, : cell.history, 0])
    history = np.ones((*shape, cell.history, len(BASELINE_METRICS)))
    for column, name in enumerate(BASELINE_METRICS):
        if (quantile := METRICS[name].quantile) is not None:
            history[..., column] = earlier[..., _rank(quantile)]
    history[..., list(BASELINE_METRICS).index("throughput_per_s")] = 1 / earlier.mean(axis=-1)
    history[..., list(BASELINE_METRICS).index("connect_mean_s")] = connect_s(cell.history)
    return SimulatedFiles(
        now=times_s(totals[:, :, -1] + np.log(factors)[:, None]),
        before=times_s(totals[:, :, cell.history]),
        connect_now_s=connect_s(),
        connect_before_s=connect_s(),
        history=history,
    )


def _claims(files: SimulatedFiles) -> NDArray[np.int64]:
    """1 for a regression, -1 for an improvement, else 0; shape: comparisons x scenarios x metrics of `_JUDGED`."""
    claims = [_claims_of(files, name) for name in _JUDGED]
    return np.stack(claims, axis=2)


def _claims_of(files: SimulatedFiles, name: str) -> NDArray[np.int64]:
    rule, sign = BASELINE_METRICS[name], -1.0 if METRICS[name].higher_is_better else 1.0
    shape = files.now.shape[:2]
    now = _side(files.now, files.connect_now_s, name, sign)
    before = _side(files.before, files.connect_before_s, name, sign)
    names = list(BASELINE_METRICS)
    with np.errstate(divide="ignore"):
        earlier = np.log(files.history)
    values = earlier[..., names.index(name)]
    if rule.relative_to is not None:
        values = values - earlier[..., names.index(rule.relative_to)]
    medians = [_reported(side)[..., _rank(0.5)] for side in (files.now, files.before)]
    typical_s = np.sqrt(medians[0] * medians[1]).ravel()
    min_shift = math.log1p(max(rule.min_effect or 0.0, Sensitivity.min_effect))
    count = shape[0] * shape[1]
    error = np.sqrt((now.error_below**2 + now.error_above**2 + before.error_below**2 + before.error_above**2) / 4)
    history = two_runs.weigh_history(
        sign * values.reshape(count, -1) if values.shape[2] else np.full((count, 1), np.nan),
        np.full(count, MIN_SCALE_SHARE * min_shift),
        np.array([environment_scale(name, median_s) for median_s in typical_s]),
        error,
    )
    probability = two_runs.bound_probabilities(np.full(count, rule.weight), len(SCENARIOS))
    interval = two_runs.compare_two(now, before, history, probability, np.ones(count, dtype=np.bool_))
    worse = (interval.low > 0) & (interval.difference >= min_shift)
    better = (interval.high < 0) & (-interval.difference >= min_shift)
    claims: NDArray[np.int64] = (worse.astype(np.int64) - better).reshape(shape)
    return claims


def _side(times_s: Values, connect_s: Values, name: str, sign: float) -> two_runs.Side:
    """One file by one metric, all comparisons and scenarios in a row; the errors are those of `sampling_errors`."""
    reported, count = _reported(times_s), connect_s.size
    values = repeated = np.log(connect_s).ravel()
    errors = [np.full(count, BASELINE_METRICS[name].sampling_error / math.sqrt(CONNECTIONS))] * 2
    repetitions = 1
    if name == "throughput_per_s":
        mean_s = reported.mean(axis=-1)
        values = repeated = sign * np.log(1 / mean_s).ravel()
        errors = [(reported.std(axis=-1, ddof=1) / math.sqrt(REQUESTS) / mean_s).ravel()] * 2
    elif name != "connect_mean_s":
        quantile, base = METRICS[name].quantile or 0.5, BASELINE_METRICS[name].relative_to
        logarithms = np.log(times_s[..., _rank(quantile)]) - (np.log(times_s[..., _rank(0.5)]) if base else 0.0)
        own = np.log(reported[..., _rank(quantile)]) - (np.log(reported[..., _rank(0.5)]) if base else 0.0)
        values, repeated = own.ravel(), logarithms.min(axis=2).ravel()
        errors = _order_errors(reported, quantile)
        if base:
            errors = [np.hypot(*pair) for pair in zip(errors, _order_errors(reported, 0.5)[::-1], strict=True)]
        repetitions = times_s.shape[2]
    return two_runs.Side(values, repeated, np.full(count, repetitions), errors[0], errors[1])


def _order_errors(times_s: Values, quantile: float) -> list[Values]:
    """The standard errors downwards and upwards of a quantile's logarithm, by order statistics."""
    below, not_above = (math.ceil(bdtrik(share, REQUESTS, quantile)) for share in (0.025, 0.975))
    value = np.log(times_s[..., _rank(quantile)])
    down, up = value - np.log(times_s[..., below - 1]), np.log(times_s[..., not_above]) - value
    return [down.ravel() / 1.959964, up.ravel() / 1.959964]


def _reported(times_s: Values) -> Values:
    """The middle one of the repetitions by p50 and p95; shape: comparisons x scenarios x requests."""
    badness = np.log(times_s[..., _rank(0.5)]) + np.log(times_s[..., _rank(0.95)])
    chosen = np.argsort(badness, axis=2)[:, :, (times_s.shape[2] - 1) // 2]
    reported: Values = np.take_along_axis(times_s, chosen[:, :, None, None], axis=2)[:, :, 0]
    return reported


def _rank(quantile: float) -> int:
    return math.ceil(quantile * REQUESTS - 1e-9) - 1


def _check(files: SimulatedFiles, claims: NDArray[np.int64], documents: int) -> None:
    """See that `compare_documents` claims the same of the first comparisons."""
    for number in range(min(documents, len(claims))):
        now = _document("now", files.now[number], files.connect_now_s[number])
        before = _document("before", files.before[number], files.connect_before_s[number])
        compared = compare_documents(now, before, _past(now, files.history[number]))
        made = np.zeros(claims.shape[1:], dtype=np.int64)
        for scenario, result in enumerate(compared.scenarios):
            for finding in result.findings:
                if finding.kind in (FindingKind.REGRESSION, FindingKind.IMPROVEMENT):
                    made[scenario, _JUDGED.index(finding.metric)] = 1 if finding.kind is FindingKind.REGRESSION else -1
        if not np.array_equal(made, claims[number]):
            sys.exit(f"comparison {number}: the documents claim {made.tolist()}, the arrays {claims[number].tolist()}")


def _document(run_id: str, times_s: Values, connect_s: Values) -> ResultsDocument:
    """A run of all scenarios. `times_s`: shape scenarios x repetitions x requests; `connect_s`: shape scenarios."""
    reported = _reported(times_s[None])[0]
    scenarios = [
        ScenarioResult(
            scenario=scenario,
            endpoint="endpoint",
            verdict=Verdict.PASS,
            measurements=[_measurement(scenario, reported[number], float(connect_s[number]))],
            repetitions=_summaries(times_s[number]) if times_s.shape[1] > 1 else [],
        )
        for number, scenario in enumerate(SCENARIOS)
    ]
    run = Run(
        id=run_id,
        started_at=_NOW,
        trigger="simulated",
        target_url="http://127.0.0.1:8000",
        generator="simulated",
        scenarios=SCENARIOS,
    )
    return ResultsDocument(run=run, verdict=Verdict.PASS, scenarios=scenarios)


def _summaries(repetitions: Values) -> list[RepetitionSummary]:
    return [
        RepetitionSummary(
            started_at=_NOW,
            p50_s=float(times_s[_rank(0.5)]),
            p95_s=float(times_s[_rank(0.95)]),
            success_rate=1.0,
            reported=False,
            trusted=True,
        )
        for times_s in repetitions
    ]


def _measurement(scenario: str, times_s: Values, connect_s: float) -> Measurement:
    histogram = Histogram()
    histogram.record(times_s)
    connect = Phase(count=CONNECTIONS, total_s=CONNECTIONS * connect_s, max_s=connect_s)
    changes = {
        "scenario": scenario,
        "response": histogram,
        "elapsed_s": float(times_s.sum()) / CONNECTIONS,
        "phases": {"connect": connect},
    }
    return _template().model_copy(update=changes)


@cache
def _template() -> Measurement:
    """What all measurements have in common."""
    return Measurement(
        scenario=SCENARIOS[0],
        endpoint="endpoint",
        protocol=Protocol.HTTP,
        scenario_hash="5eed",
        load={"model": "closed", "workers": CONNECTIONS, "requests": REQUESTS},
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


def _past(document: ResultsDocument, history: Values) -> PastRuns:
    """Earlier runs; shape: scenarios x runs x metrics."""
    return PastRuns({(name, ""): series for name, series in _series(document, history)})


def _series(document: ResultsDocument, history: Values) -> Iterator[tuple[str, MetricSeries]]:
    for result, of_scenario in zip(document.scenarios, history, strict=True):
        fingerprint = Fingerprint.of(document.run, result.measurements[0])
        points: Sequence[SeriesPoint] = [
            SeriesPoint(
                f"run-{number}", number, _NOW, None, fingerprint, row, REQUESTS, row[None, :], np.array([[0, REQUESTS]])
            )
            for number, row in enumerate(of_scenario)
        ]
        yield result.scenario, MetricSeries(result.scenario, "", points)


def _interval(number: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Clopper & Pearson 1934)."""
    low = float(betaincinv(number, of - number + 1, 0.025)) if number else 0.0
    high = float(betaincinv(number + 1, of - number, 0.975)) if number < of else 1.0
    return low, high


if __name__ == "__main__":
    sys.exit(main())
