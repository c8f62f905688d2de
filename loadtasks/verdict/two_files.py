"""What the measurements of two results files show of each other: numbers with intervals, and findings.

All scenarios and parts are compared together, since the false claims of a whole comparison are bounded:
`loadtasks.verdict.history.two_runs`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter

import numpy as np
from scipy.special import ndtri

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit, values_of
from loadtasks.measurement.model import Measurement
from loadtasks.results.document import RepetitionSummary
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import Shape
from loadtasks.results.findings.other_run import AllowanceSource, OtherRunInconclusive, OtherRunShift, RunAllowance
from loadtasks.results.findings.reference import MetricRatio
from loadtasks.results.judgement import MetricComparison
from loadtasks.results.series import MetricSeries
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history import two_runs
from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, MAX_REPETITIONS, Values
from loadtasks.verdict.history.findings import compare_metric
from loadtasks.verdict.history.plausibility import environment_scale
from loadtasks.verdict.history.replay import TAIL, in_logarithms, relative
from loadtasks.verdict.history.sampling import StandardErrors, sampling_errors

_NAMES = list(BASELINE_METRICS)
MIN_SCALE_SHARE = 0.25
"""The smallest scale that a history may show, in minimum effects; as `loadtasks.verdict.history.detector` has it."""
_OF_REPETITIONS = ("p50_s", "p95_s", "success_rate")
"""The metrics that a results file has of each repetition."""


@dataclass(frozen=True)
class PastRuns:
    """What this machine knows of earlier runs, for the allowance."""

    series: Mapping[tuple[str, str], MetricSeries] = field(default_factory=dict)
    """The comparable runs of each scenario and part, the two that are compared left out."""
    without: AllowanceSource = AllowanceSource.NOT_ASKED
    """Why a scenario that has none has none."""
    detail: str = ""
    """Which results database it is, or why it can't be read."""


@dataclass(frozen=True)
class FileSide:
    """A scenario in one of both files."""

    measurements: Sequence[Measurement]
    """The whole first, then its parts."""
    repetitions: Sequence[RepetitionSummary]
    """All measurements of the whole, where there are several; else empty."""
    version: str | None
    """The target's version."""
    run_id: str


@dataclass(frozen=True)
class FilePair:
    """A scenario that both files have, measured in the same way."""

    now: FileSide
    before: FileSide


@dataclass
class ComparedPair:
    """A scenario of one file compared with that of the other."""

    comparisons: list[MetricComparison] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class _Measured:
    """A measurement of one of both files, and its repetitions."""

    measurement: Measurement
    repetitions: Sequence[RepetitionSummary]
    """The valid ones; empty where it was measured once, and of parts."""

    @cached_property
    def values(self) -> Mapping[str, float | None]:
        """The value of each of `BASELINE_METRICS`."""
        return values_of(self.measurement, _NAMES)

    def signed(self, name: str, sign: float, *, judged: bool) -> Values:
        """The values of a metric that add up, times the sign: the reported one, then those of all repetitions."""
        used = (name, BASELINE_METRICS[name].relative_to)
        rows = [[self.values[one] if one in used else None for one in _NAMES]]
        if name in _OF_REPETITIONS:
            rows += [
                [getattr(repetition, one) if one in used else None for one in _NAMES]
                for repetition in self.repetitions[:MAX_REPETITIONS]
            ]
        values: Values = sign * _added_up(np.array(rows, dtype=np.float64), judged=judged)[:, _NAMES.index(name)]
        return values


@dataclass(frozen=True)
class _PairedSeries:
    """One metric of one measurement in both files."""

    now: _Measured
    before: _Measured
    name: str
    judged: bool
    """Whether it is the value that is judged. What is judged relative to another metric is also shown by itself."""
    history: Values
    """Of the earlier runs; shape: runs."""

    @property
    def relative(self) -> bool:
        """Whether its values are relative to another metric's."""
        return self.judged and BASELINE_METRICS[self.name].relative_to is not None

    @property
    def sign(self) -> float:
        """1 where higher is worse, else -1."""
        return -1.0 if METRICS[self.name].higher_is_better else 1.0

    @property
    def is_share(self) -> bool:
        """Whether changes are differences instead of factors."""
        return METRICS[self.name].unit is Unit.SHARE

    @property
    def prior_scale(self) -> float:
        """The plausible scale from run to run."""
        now_s, before_s = (side.values["p50_s"] for side in (self.now, self.before))
        typical_s = math.sqrt(now_s * before_s) if now_s and before_s else None
        own = environment_scale(self.name, typical_s)
        base = BASELINE_METRICS[self.name].relative_to
        return own if base is None or self.relative else math.hypot(own, environment_scale(base, typical_s))

    @property
    def part(self) -> str:
        """The part of a mixed scenario; empty for the whole."""
        return self.now.measurement.part

    def errors(self, side: _Measured, z: float) -> StandardErrors:
        """The standard errors of one side, signed as the values are."""
        below, above = sampling_errors(side.measurement, self.name, z, is_relative=self.relative)
        return StandardErrors(above, below) if self.sign < 0 else StandardErrors(below, above)


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
    series = {
        scenario: [
            one
            for now, before in _measurements(pair)
            for one in _series_of(pair, now, before, past.series.get((scenario, now.part)))
        ]
        for scenario, pair in pairs.items()
    }
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

    series: _PairedSeries
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


def _measurements(pair: FilePair) -> Iterator[tuple[Measurement, Measurement]]:
    """The measurements of both sides, by part."""
    before = {measurement.part: measurement for measurement in pair.before.measurements}
    for measurement in pair.now.measurements:
        if measurement.part in before:
            yield measurement, before[measurement.part]


def _series_of(
    pair: FilePair, now: Measurement, before: Measurement, past: MetricSeries | None
) -> Iterator[_PairedSeries]:
    points = past.points[-MAX_BASELINE_RUNS:] if past is not None else []
    is_whole = not now.part
    sides = (
        _Measured(now, _trusted(pair.now) if is_whole else ()),
        _Measured(before, _trusted(pair.before) if is_whole else ()),
    )
    earlier = np.array([point.repetitions[0] for point in points], dtype=np.float64).reshape(-1, len(_NAMES))
    for name, rule in BASELINE_METRICS.items():
        if not _has_one_definition(name, now, before):
            continue
        for judged in (True,) if rule.relative_to is None else (True, False):
            values = _added_up(earlier, judged=judged)[:, _NAMES.index(name)]
            yield _PairedSeries(*sides, name=name, judged=judged, history=values[~np.isnan(values)])


def _trusted(side: FileSide) -> Sequence[RepetitionSummary]:
    return [repetition for repetition in side.repetitions if repetition.trusted]


def _has_one_definition(name: str, measurement: Measurement, other: Measurement) -> bool:
    """Whether a metric means the same in both: the throughput of a document of version 5 holds the stragglers."""
    return name != "throughput_per_s" or (measurement.duration_s is None) == (other.duration_s is None)


def _added_up(values: Values, *, judged: bool) -> Values:
    """Values that add up, in logarithms and, where they are judged, relative to other metrics. Shape: any x metrics."""
    logarithms = in_logarithms(values)
    return relative(logarithms) if judged else logarithms


def _judge(series: Sequence[_PairedSeries], min_effect: float) -> Iterator[_JudgedMetric]:
    """Judge all series of a comparison, which share its false claims."""
    family = len({id(one.now) for one in series})
    probability = np.array([two_runs.FALSE_CLAIMS / 2 * BASELINE_METRICS[one.name].weight / family for one in series])
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
            detectable=math.exp(needed),
        )


def _side(series: Sequence[_PairedSeries], z: Values, side: Callable[[_PairedSeries], _Measured]) -> two_runs.Side:
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
    series: _PairedSeries, difference: float, low: float, high: float
) -> tuple[float | None, float | None, float | None]:
    """A signed difference and its bounds as ratios; None where there are none."""
    if math.isnan(difference):
        return None, None, None
    signed = [series.sign * value for value in (difference, low, high)]
    first, *bounds = signed
    ends = sorted(bounds)
    if not series.is_share:
        return math.exp(first), math.exp(ends[0]), math.exp(ends[1])
    before = series.before.values[series.name]
    if not before:
        return None, None, None
    return (before + first) / before, max(0.0, before + ends[0]) / before, min(1.0, before + ends[1]) / before


def _compared(pair: FilePair, metrics: Sequence[_JudgedMetric], past: PastRuns) -> ComparedPair:
    """The comparisons and findings of one scenario."""
    compared = ComparedPair()
    shown = [one for one in metrics if not one.series.relative]
    compared.comparisons = [comparison for one in shown if (comparison := one.comparison) is not None]
    for part in dict.fromkeys(one.series.part for one in metrics):
        of_part = [one for one in metrics if one.series.part == part]
        compared.findings += _shifts(pair, of_part, past)
        # What is inconclusive of the whole need not be repeated of its parts.
        if not any(finding.kind is not FindingKind.IMPROVEMENT for finding in compared.findings):
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
