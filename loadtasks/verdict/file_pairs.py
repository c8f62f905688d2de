"""Two results files side by side: the scenarios that both have, and each of their metrics with its history."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit, values_of
from loadtasks.measurement.model import Measurement
from loadtasks.results.document import RepetitionSummary
from loadtasks.results.findings.other_run import AllowanceSource
from loadtasks.results.series import MetricSeries
from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, MAX_REPETITIONS, Values
from loadtasks.verdict.history.judged_values import in_logarithms, relative
from loadtasks.verdict.history.plausibility import environment_scale
from loadtasks.verdict.history.sampling import StandardErrors, sampling_errors

_NAMES = list(BASELINE_METRICS)
_USUAL_DRIFT = math.log(1.2)
"""By so much calibrations differ on a machine that does nothing else. A rule of thumb."""
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


@dataclass(frozen=True)
class MeasuredSide:
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
class MetricPair:
    """One metric of one measurement in both files."""

    now: MeasuredSide
    before: MeasuredSide
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
    def machine_slowdown(self) -> float:
        """How much slower the machine was in the later file, beyond what is usual; below 0 where it was faster.

        In logarithms, by what the load generator could do against a server that does nothing.
        """
        now, before = (side.measurement.health.calibration for side in (self.now, self.before))
        if now is None or before is None or now.ceiling_per_s <= 0 or before.ceiling_per_s <= 0 or self.is_share:
            return 0.0
        slowdown = math.log(before.ceiling_per_s / now.ceiling_per_s)
        return math.copysign(max(0.0, abs(slowdown) - _USUAL_DRIFT), slowdown)

    @property
    def part(self) -> str:
        """The part of a mixed scenario; empty for the whole."""
        return self.now.measurement.part

    def errors(self, side: MeasuredSide, z: float) -> StandardErrors:
        """The standard errors of one side, signed as the values are."""
        below, above = sampling_errors(side.measurement, self.name, z, is_relative=self.relative)
        return StandardErrors(above, below) if self.sign < 0 else StandardErrors(below, above)


def metric_pairs(pair: FilePair, past: PastRuns) -> Iterator[MetricPair]:
    """Every metric of a scenario and its parts that both files have."""
    before = {measurement.part: measurement for measurement in pair.before.measurements}
    for measurement in pair.now.measurements:
        if measurement.part in before:
            history = past.series.get((measurement.scenario, measurement.part))
            yield from _pairs_of(pair, measurement, before[measurement.part], history)


def _pairs_of(pair: FilePair, now: Measurement, before: Measurement, past: MetricSeries | None) -> Iterator[MetricPair]:
    points = past.points[-MAX_BASELINE_RUNS:] if past is not None else []
    is_whole = not now.part
    sides = (
        MeasuredSide(now, _trusted(pair.now) if is_whole else ()),
        MeasuredSide(before, _trusted(pair.before) if is_whole else ()),
    )
    earlier = np.array([point.repetitions[0] for point in points], dtype=np.float64).reshape(-1, len(_NAMES))
    for name, rule in BASELINE_METRICS.items():
        if not _has_one_definition(name, now, before):
            continue
        for judged in (True,) if rule.relative_to is None else (True, False):
            values = _added_up(earlier, judged=judged)[:, _NAMES.index(name)]
            yield MetricPair(*sides, name=name, judged=judged, history=values[~np.isnan(values)])


def _trusted(side: FileSide) -> Sequence[RepetitionSummary]:
    return [repetition for repetition in side.repetitions if repetition.trusted]


def _has_one_definition(name: str, measurement: Measurement, other: Measurement) -> bool:
    """Whether a metric means the same in both: the throughput of a document of version 5 holds the stragglers."""
    return name != "throughput_per_s" or (measurement.duration_s is None) == (other.duration_s is None)


def _added_up(values: Values, *, judged: bool) -> Values:
    """Values that add up, in logarithms and, where they are judged, relative to other metrics. Shape: any x metrics."""
    logarithms = in_logarithms(values)
    return relative(logarithms) if judged else logarithms
