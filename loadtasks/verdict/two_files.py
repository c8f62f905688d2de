"""What the measurements of two results files show of each other: numbers with intervals, and findings.

All scenarios and parts are compared together, since the false claims of a whole comparison are bounded:
`loadtasks.verdict.history.two_runs`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np
from scipy.special import ndtri

from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import Shape
from loadtasks.results.findings.other_run import AllowanceSource, OtherRunInconclusive, OtherRunShift, RunAllowance
from loadtasks.results.findings.reference import MetricRatio
from loadtasks.results.judgement import MetricComparison
from loadtasks.settings import Sensitivity
from loadtasks.verdict.file_pairs import FilePair, MeasuredSide, MetricPair, PastRuns, metric_pairs
from loadtasks.verdict.history import two_runs
from loadtasks.verdict.history.baselines import Values
from loadtasks.verdict.history.findings import compare_metric
from loadtasks.verdict.history.replay import TAIL

_MAX_LOGARITHM = 40.0
"""Of a ratio: 2e17 times. Values that are farther apart come from files that were made up."""
MIN_SCALE_SHARE = 0.25
"""The smallest scale that a history may show, in minimum effects; as `loadtasks.verdict.history.detector` has it."""


@dataclass
class ComparedPair:
    """A scenario of one file compared with that of the other."""

    comparisons: list[MetricComparison] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def compare_pairs(
    pairs: Mapping[str, FilePair], past: PastRuns | None = None, min_effect: float = Sensitivity.min_effect
) -> dict[str, ComparedPair]:
    """Compare the scenarios that two files have in common, all together; by scenario.

    Args:
        pairs: The scenarios.
        past: Earlier runs of this machine, for the allowance.
        min_effect: The smallest relative change that is reported.
    """
    past = past or PastRuns()
    series = {scenario: list(metric_pairs(pair, past)) for scenario, pair in pairs.items()}
    every = [one for of_scenario in series.values() for one in of_scenario]
    if not every:
        return {scenario: ComparedPair() for scenario in pairs}
    judged = iter(_judge(every, min_effect))
    compared = {}
    for scenario, of_scenario in series.items():
        metrics = [next(judged) for _ in of_scenario]
        compared[scenario] = _compared(pairs[scenario], metrics, past)
    return compared


@dataclass(frozen=True)
class _JudgedMetric:
    """One metric of one measurement in both files, judged."""

    series: MetricPair
    ratio: float | None
    low: float | None
    high: float | None
    """The ratio and its interval; None where there is none."""
    min_effect: float
    scale: float
    """The scale from run to run that is allowed for."""
    runs: int
    """How many earlier runs it comes from."""
    worse: bool
    better: bool
    detectable: float
    """The smallest ratio for the worse that would be a regression."""

    @property
    def comparison(self) -> MetricComparison | None:
        """Both values side by side; None where either is missing."""
        series = self.series
        plain = compare_metric(series.now.measurement, series.name, series.before.values[series.name])
        return plain and plain.model_copy(update={"low": self.low, "high": self.high})

    @property
    def parameters(self) -> MetricRatio | None:
        if self.ratio is None:
            return None
        return MetricRatio(metric=self.series.name, ratio=self.ratio, low=self.low, high=self.high, inconclusive=True)

    @property
    def differs(self) -> bool:
        """Whether the values are so far apart that it would be reported if it were beyond doubt."""
        if self.ratio is None or self.series.is_share:
            now, before = (side.values[self.series.name] for side in (self.series.now, self.series.before))
            return abs((now or 0.0) - (before or 0.0)) >= self.min_effect
        return self.ratio > 0 and abs(math.log(self.ratio)) >= math.log1p(self.min_effect)


def _judge(series: Sequence[MetricPair], min_effect: float) -> Iterator[_JudgedMetric]:
    """Judge all series of a comparison, which share its false claims."""
    family = len({id(one.now) for one in series})
    probability = two_runs.bound_probabilities(np.array([BASELINE_METRICS[one.name].weight for one in series]), family)
    z = -ndtri(probability)
    effects = np.array([max(BASELINE_METRICS[one.name].min_effect or 0.0, min_effect) for one in series])
    min_shift = np.array(
        [effect if one.is_share else np.log1p(effect) for one, effect in zip(series, effects, strict=True)]
    )
    now, before = (_side(series, z, side) for side in (attrgetter("now"), attrgetter("before")))
    error = np.sqrt((now.error_below**2 + now.error_above**2 + before.error_below**2 + before.error_above**2) / 4)
    history = two_runs.weigh_history(
        _padded([one.sign * one.history for one in series]),
        MIN_SCALE_SHARE * min_shift,
        np.array([one.prior_scale for one in series]),
        error,
    )
    shifts = np.array([not one.is_share for one in series])
    interval = two_runs.compare_two(now, before, history, probability, shifts)
    for row, one in enumerate(series):
        difference, low, high = (float(values[row]) for values in (interval.difference, interval.low, interval.high))
        # What the machine alone may explain is no change of the API's.
        low, high = low - max(0.0, one.machine_slowdown), high - min(0.0, one.machine_slowdown)
        ratios = _ratios(one, difference, low, high)
        needed = max(difference - low, float(min_shift[row])) if not math.isnan(difference) else math.nan
        yield _JudgedMetric(
            series=one,
            ratio=ratios[0],
            low=ratios[1],
            high=ratios[2],
            min_effect=float(effects[row]),
            scale=float(history.scale[row]),
            runs=int(history.runs[row]),
            worse=one.judged and low > 0 and difference >= min_shift[row],
            better=one.judged and high < 0 and -difference >= min_shift[row],
            detectable=_factor(needed),
        )


def _side(series: Sequence[MetricPair], z: Values, side: Callable[[MetricPair], MeasuredSide]) -> two_runs.Side:
    values = [side(one).signed(one.name, one.sign, judged=one.judged) for one in series]
    errors = [one.errors(side(one), float(quantile)) for one, quantile in zip(series, z, strict=True)]
    repeated = [of_series[1:][~np.isnan(of_series[1:])] for of_series in values]
    return two_runs.Side(
        value=np.array([of_series[0] for of_series in values]),
        mildest=np.array(
            [min([of_series[0], *again]) for of_series, again in zip(values, repeated, strict=True)], dtype=np.float64
        ),
        repetitions=np.array([max(1, len(again)) for again in repeated]),
        error_below=np.array([error.below for error in errors]),
        error_above=np.array([error.above for error in errors]),
    )


def _padded(histories: Sequence[Values]) -> Values:
    padded = np.full((len(histories), max([1, *map(len, histories)])), np.nan)
    for row, history in enumerate(histories):
        padded[row, : len(history)] = history
    return padded


def _ratios(
    series: MetricPair, difference: float, low: float, high: float
) -> tuple[float | None, float | None, float | None]:
    """A signed difference and its bounds as ratios; None where there are none."""
    if math.isnan(difference):
        return None, None, None
    signed = [series.sign * value for value in (difference, low, high)]
    first, *bounds = signed
    ends = sorted(bounds)
    if not series.is_share:
        return _factor(first), _factor(ends[0]), _factor(ends[1])
    before = series.before.values[series.name]
    if not before:
        return None, None, None
    return (before + first) / before, max(0.0, before + ends[0]) / before, min(1.0, before + ends[1]) / before


def _factor(logarithm: float) -> float:
    """A factor by its logarithm, within what a results file may hold."""
    return math.exp(min(max(logarithm, -_MAX_LOGARITHM), _MAX_LOGARITHM))


def _compared(pair: FilePair, metrics: Sequence[_JudgedMetric], past: PastRuns) -> ComparedPair:
    """The comparisons and findings of one scenario."""
    compared = ComparedPair()
    shown = [one for one in metrics if not one.series.relative]
    compared.comparisons = [comparison for one in shown if (comparison := one.comparison) is not None]
    for part in dict.fromkeys(one.series.part for one in metrics):
        of_part = [one for one in metrics if one.series.part == part]
        compared.findings += _shifts(pair, of_part, past)
        # Next to a change it is of no interest, and what is inconclusive of the whole need not be repeated of parts.
        if not compared.findings:
            compared.findings += _inconclusive(pair, part, of_part)
    if compared.comparisons:
        compared.findings.append(_allowance(metrics, past))
    return compared


def _shifts(pair: FilePair, metrics: Sequence[_JudgedMetric], past: PastRuns) -> Iterator[Finding]:
    """The regressions and improvements of one measurement."""
    worse = {one.series.name for one in metrics if one.worse}
    for one in metrics:
        if not (one.worse or one.better):
            continue
        series = one.series
        before = series.before.values[series.name]
        shape = (Shape.TAIL_MORE if "p50_s" in worse else Shape.TAIL_ONLY) if series.name == TAIL else None
        yield Finding(
            code=FindingCode.OTHER_RUN_REGRESSION if one.worse else FindingCode.OTHER_RUN_IMPROVEMENT,
            part=series.part,
            metric=series.name,
            observed=series.now.values[series.name],
            limit=before,
            parameters=OtherRunShift(
                ratio=one.ratio,
                low=one.low,
                high=one.high,
                relative_to_median=series.relative,
                other_run=pair.before.run_id,
                version_before=pair.before.version,
                version_after=pair.now.version,
                scale=one.scale,
                source=AllowanceSource.HISTORY if one.runs else past.without,
                runs=one.runs,
                shape=shape if one.worse else None,
            ),
        )


def _inconclusive(pair: FilePair, part: str, metrics: Sequence[_JudgedMetric]) -> Iterator[Finding]:
    """The metrics whose values differ, and may do so for no reason of the API's."""
    claimed = {one.series.name for one in metrics if one.worse or one.better}
    ratios = [
        ratio
        for one in metrics
        if not one.series.relative and one.series.name not in claimed and one.differs
        if (ratio := one.parameters) is not None
    ]
    if ratios:
        parameters = OtherRunInconclusive(metrics=tuple(ratios), other_run=pair.before.run_id)
        yield Finding(code=FindingCode.OTHER_RUN_INCONCLUSIVE, part=part, parameters=parameters)


def _allowance(metrics: Sequence[_JudgedMetric], past: PastRuns) -> Finding:
    """How much runs of one build are taken to differ, by the median of the whole where it has one."""
    first = next((one for one in metrics if one.series.name == "p50_s" and one.ratio is not None), metrics[0])
    is_median = first.series.name == "p50_s" and first.ratio is not None
    source = AllowanceSource.HISTORY if first.runs else past.without
    parameters = RunAllowance(
        source=source,
        scale=first.scale,
        runs=first.runs,
        max_runs=first.runs,
        detectable=first.detectable if is_median else None,
        detail=past.detail,
    )
    return Finding(code=FindingCode.RUN_ALLOWANCE, parameters=parameters)
