"""All runs of all series judged again in their order, so that false alarms are budgeted over the whole family.

The verdict of a run keeps no state of a detector: it is replayed from the stored runs, which takes less than a second
for years of them (`python -m benchmarks.verdict.long_history`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit
from loadtasks.results.regression import MetricChange
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.baselines import MAX_REPETITIONS, Values
from loadtasks.verdict.history.change_point import ChangePoint
from loadtasks.verdict.history.covariates import Covariates, EnvironmentMove
from loadtasks.verdict.history.detector import (
    Detector,
    DetectorState,
    Judgement,
    SeriesSettings,
)
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.judged_values import absolute, in_logarithms, relative
from loadtasks.verdict.history.plausibility import plausible_scale

TAIL = "p95_s"
"""Judged relative to the median (see the registry of metrics), so that it shows what the median doesn't."""

MAX_RECENT_RUNS = 30
"""Runs before a change that its size is taken from, where it is compared with that of other scenarios."""
MetricKey = tuple[str, str, str]
"""Scenario, part, metric."""


@dataclass(frozen=True)
class JudgedSeries:
    """One metric's runs without what controls explain, in units that add up."""

    values: Values
    """nan where there is no valid run; shape: runs."""
    positions: Mapping[str, int]
    """The position of each run among them, by its id."""

    def shift_since(self, run_id: str) -> float | None:
        """How far the runs since one are from the month before it, by their medians; None where either is missing."""
        first = self.positions.get(run_id, 0)
        parts = (self.values[max(0, first - MAX_RECENT_RUNS) : first], self.values[first:])
        before, since = (part[~np.isnan(part)] for part in parts)
        return float(np.median(since) - np.median(before)) if len(before) and len(since) else None


@dataclass(frozen=True)
class MetricHistory:
    """What one metric's runs say as of the last one."""

    judgement: Judgement
    change: MetricChange | None
    """The judgement's change in the metric's own unit."""
    first_run: str | None
    """The first run of the change."""
    before_run: str | None
    """The last run before the change."""
    repetition_reason: RepetitionReason | None
    """Why the scenario should be repeated in this run; None where it should not."""
    detectable: float | None
    """In a young baseline, the smallest ratio for the worse that this run could show beyond doubt; None where there is
    no earlier run."""
    environment: EnvironmentMove | None = None
    """What of this run's value is the environment's, by a control; None where that is nothing."""
    judged: "JudgedSeries | None" = None
    """The runs as they were judged."""


@dataclass(frozen=True)
class Alarm:
    """One metric found worse or better in one run."""

    run_id: str
    scenario: str
    part: str
    metric: str
    state: DetectorState
    first_run: str
    change: MetricChange


class DismissedRuns(NamedTuple):
    """The runs of a false alarm. Whatever is raised in one of them is that alarm, found sooner or later."""

    first_run: str
    found_run: str


class SeriesReplay:
    """Series judged run by run, from the first run on."""

    def __init__(
        self,
        series: Sequence[MetricSeries],
        runs: Sequence[str],
        sensitivity: Sensitivity,
        dismissed: Mapping[tuple[str, str], Sequence[DismissedRuns]] | None = None,
        covariates: Covariates | None = None,
    ) -> None:
        """Read the values of all series.

        Args:
            series: What is judged, without the points that must not count.
            runs: The ids of all runs that measured any of them, oldest first.
            sensitivity: Budget and minimum effect.
            dismissed: The runs of each false alarm, by scenario and part.
            covariates: The controls; what they explain is not judged.
        """
        self._runs = list(runs)
        self._position = {run_id: number for number, run_id in enumerate(self._runs)}
        self._series = [one for one in series if one.points]
        self._keys: list[MetricKey] = [
            (one.scenario, one.part, name) for one in self._series for name in BASELINE_METRICS
        ]
        self._dismissed = dismissed or {}
        self._detector = Detector(
            [
                series_settings(name, len(self._series), sensitivity, _prior_scale(name, series.points[0]))
                for series in self._series
                for name in BASELINE_METRICS
            ],
            FalseAlarmBudget(sensitivity.runs_per_false_alarm),
            sensitivity.accept_improvements,
        )
        self._read()
        self._explain(covariates or Covariates())

    def judge(self) -> tuple[dict[MetricKey, MetricHistory], list[Alarm]]:
        """Judge all runs, once. Returns the state of each metric as of the last run, and every alarm on the way."""
        judgements: list[Judgement] = []
        due: list[RepetitionReason | None] = []
        smallest: Values = np.full(len(self._keys), np.nan)
        alarms: list[Alarm] = []
        for run, values in enumerate(self._values):
            self._detector.begin_run(values)
            for repetition in self._repetitions.get(run, ()):
                self._detector.add_repetition(repetition)
            if run == len(self._values) - 1:
                due, smallest = self._detector.repetitions_due(), self._detector.smallest_shifts()
            judgements = self._detector.judge()
            for row, judgement in enumerate(judgements):
                if judgement.raised and judgement.change is not None:
                    alarms.append(self._alarm(run, row, judgement, judgement.change))
                    if judgement.state is DetectorState.REGRESSED and self._is_dismissed(run, row):
                        self._detector.dismiss(row)
        histories = {
            key: self._history(row, judgements[row], due[row], float(smallest[row]))
            for row, key in enumerate(self._keys)
            if judgements
        }
        return histories, alarms

    def _read(self) -> None:
        """Bring the points into arrays of runs x metrics of all series; nan where there is no value."""
        values = np.full((len(self._runs), len(self._keys)), np.nan)
        further: dict[int, Values] = {}
        for number, series in enumerate(self._series):
            columns = slice(number * len(BASELINE_METRICS), (number + 1) * len(BASELINE_METRICS))
            for point in series.points:
                at = self._position[point.run_id]
                values[at, columns] = point.repetitions[0]
                if len(point.repetitions) > 1:
                    rows = further.setdefault(at, np.full((MAX_REPETITIONS - 1, len(self._keys)), np.nan))
                    rows[: len(point.repetitions) - 1, columns] = point.repetitions[1:MAX_REPETITIONS]
        self._levels = in_logarithms(values)
        self._values = relative(self._levels)
        self._repetitions = {run: relative(in_logarithms(rows)) for run, rows in further.items()}

    def _explain(self, covariates: Covariates) -> None:
        """Take out what controls explain: of all repetitions of a run the same."""
        scenarios = list(dict.fromkeys(one.scenario for one in self._series))
        found = covariates.explain(self._values, self._runs, [scenarios.index(one.scenario) for one in self._series])
        self._moves = found.moves
        self._values = self._values - found.explained
        for run, rows in self._repetitions.items():
            self._repetitions[run] = rows - found.explained[run]
        # Levels are those that the environment of the newest run would show.
        explained = absolute(found.explained)
        self._levels = self._levels - explained + explained[-1:]

    def _is_dismissed(self, run: int, row: int) -> bool:
        scenario, part, _ = self._keys[row]
        return any(
            self._position.get(dismissed.first_run, run) <= run <= self._position.get(dismissed.found_run, -1)
            for dismissed in self._dismissed.get((scenario, part), ())
        )

    def _alarm(self, run: int, row: int, judgement: Judgement, change: ChangePoint) -> Alarm:
        scenario, part, metric = self._keys[row]
        return Alarm(
            run_id=self._runs[run],
            scenario=scenario,
            part=part,
            metric=metric,
            state=judgement.state,
            first_run=self._runs[change.first],
            change=self._in_units(row, change),
        )

    def _history(self, row: int, judgement: Judgement, due: RepetitionReason | None, smallest: float) -> MetricHistory:
        change = judgement.change
        is_young = judgement.state is DetectorState.LEARNING and not np.isnan(smallest)
        detectable = float(np.exp(smallest)) if is_young else None
        if judgement.state is DetectorState.REGRESSED:
            change = self._detector.change(row)
        judged = JudgedSeries(self._values[:, row], self._position)
        if change is None:
            return MetricHistory(judgement, None, None, None, due, detectable, self._moves[row], judged)
        earlier = np.flatnonzero(~np.isnan(self._values[: change.first, row]))
        before_run = self._runs[int(earlier[-1])] if len(earlier) else None
        first_run = self._runs[change.first]
        return MetricHistory(
            judgement,
            self._in_units(row, change),
            first_run,
            before_run,
            due,
            detectable,
            self._moves[row],
            judged,
        )

    def _in_units(self, row: int, change: ChangePoint) -> MetricChange:
        metric = self._keys[row][2]
        before = float(np.nanmedian(self._levels[: change.first, row]))
        if METRICS[metric].unit is not Unit.SHARE:
            sizes = (float(np.exp(size)) for size in (change.size, change.low, change.high))
            before = float(np.exp(before))
        else:
            sizes = ((before + size) / before for size in (change.size, change.low, change.high))
        ratio, low, high = sizes
        return MetricChange(metric=metric, before=before, ratio=ratio, low=low, high=high)


def series_settings(name: str, scenarios: int, sensitivity: Sensitivity, prior_scale: float) -> SeriesSettings:
    """How one metric is judged in a family of so many scenarios and parts."""
    metric, rule = METRICS[name], BASELINE_METRICS[name]
    min_effect = max(rule.min_effect or 0.0, sensitivity.min_effect)
    return SeriesSettings(
        min_effect=min_effect if metric.unit is Unit.SHARE else float(np.log1p(min_effect)),
        share=rule.weight / scenarios,
        worse_up=not metric.higher_is_better,
        prior_scale=prior_scale,
    )


def _prior_scale(name: str, first: SeriesPoint) -> float:
    """How much the runs of a series plausibly differ before any was seen, by its first run."""
    median_s = float(first.values[list(BASELINE_METRICS).index("p50_s")])
    return plausible_scale(name, first.requests, None if np.isnan(median_s) else median_s)
