"""A run compared with its baseline: which earlier runs it is comparable with, and the state of each metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from loadtasks.measurement.control import ControlReading
from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.results.control_runs import ControlRun
from loadtasks.results.findings.history import NotComparable
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.baselines import Values
from loadtasks.verdict.history.change_interval import change_factor
from loadtasks.verdict.history.covariates import Covariates, EnvironmentMove
from loadtasks.verdict.history.replay import Decisions, DismissedRuns, MetricHistory, MetricKey, SeriesReplay
from loadtasks.verdict.history.series_judgement import DetectorState, Judgement
from loadtasks.verdict.history.unanswered import RecordedAcceptances, RunNumber


@dataclass(frozen=True)
class BaselineComparison:
    """One scenario, or one part of it, in one run."""

    series: MetricSeries
    """The comparable runs, the run itself last."""
    not_comparable: NotComparable | None
    """Why the last run before it can't be compared with it; None where it can, or where there is none."""
    metrics: Mapping[str, MetricHistory]
    """The state of each metric, by its name."""
    own_move: EnvironmentMove | None = None
    """How far a control scenario is from its usual median; None of every other scenario, and where it is there."""

    @property
    def point(self) -> SeriesPoint:
        """The run itself."""
        return self.series.points[-1]

    @property
    def repetition_reason(self) -> RepetitionReason | None:
        """Why the scenario should be repeated in this run; None where it should not."""
        reasons = {history.repetition_reason for history in self.metrics.values()} - {None}
        return RepetitionReason.SUSPECT if RepetitionReason.SUSPECT in reasons else next(iter(reasons), None)

    def level(self, metric: str) -> float | None:
        """The median over the baseline, or over that before an open change; None where there is no earlier run."""
        values = self._baseline_values(metric)
        known = values[~np.isnan(values)]
        return float(np.median(known)) if len(known) else None

    def change_factor(self, metric: str) -> float | None:
        """By which factor a change from that level may be larger or smaller; None where that is unknown."""
        return change_factor(metric, self._baseline_values(metric))

    def _baseline_values(self, metric: str) -> Values:
        """The values of the runs that the level is the median of, nan where there is none."""
        order = [point.run_id for point in self.series.points]
        begin, end = 0, len(order) - 1
        for name in {metric, BASELINE_METRICS[metric].relative_to or metric}:  # what moves all requests moves the tail
            history = self.metrics.get(name)
            if history is not None and history.baseline_begin is not None:
                begin = max(begin, order.index(history.baseline_begin))
            if history is not None and history.first_run is not None:
                end = min(end, order.index(history.first_run))
        earlier = self.series.points[begin if begin < end else 0 : end]
        return MetricSeries(self.series.scenario, self.series.part, earlier).values(metric)

    @property
    def baseline_begin(self) -> str | None:
        """The first run of the median's baseline, where that is not the baseline run."""
        median = self.metrics.get("p50_s")
        return median.baseline_begin if median is not None else None

    def point_of(self, run_id: str) -> SeriesPoint:
        """The point of one of the comparable runs."""
        return next(point for point in self.series.points if point.run_id == run_id)


class ComparedSeries(NamedTuple):
    """A run compared with its baseline."""

    comparisons: dict[tuple[str, str], BaselineComparison]
    """By scenario and part, for those that the run measured validly."""
    controls: list[ControlReading]
    """What its controls show."""


def compare_with_baseline(
    run_id: str,
    series: Sequence[MetricSeries],
    known: Sequence[Regression],
    sensitivity: Sensitivity,
    control_runs: Sequence[ControlRun] = (),
) -> ComparedSeries:
    """Compare a run with the runs before it.

    Args:
        run_id: The run.
        series: The runs of all scenarios of its service since their baseline runs; runs after this one are left out.
        known: All regressions of the service so far, as they stood before this run.
        sensitivity: Budget and minimum effect.
        control_runs: The controls of the service's runs; those after this one are left out.
    """
    until = {(one.scenario, one.part): _until(one, run_id) for one in series}
    sequence = next((seen.points[-1].sequence for seen in until.values() if seen is not None), None)
    if sequence is None:
        return ComparedSeries({}, [])
    comparable, not_comparable = [], {}
    for one in series:
        key, seen = (one.scenario, one.part), until[one.scenario, one.part]
        if seen is None:  # not measured in this run; its share of the budget stays its own all the same
            seen = MetricSeries(*key, [point for point in one.points if point.sequence <= sequence])
        if seen.points:
            like = seen.like(seen.points[-1].fingerprint)
            not_comparable[key] = _not_comparable(seen)
            comparable.append(without_fixed(like, known))
    runs = sorted({RunNumber(point.sequence, point.run_id) for one in comparable for point in one.points})
    covariates, names = covariates_of(run_id, comparable, control_runs)
    judged = [one for one in comparable if one.scenario not in names]
    decisions = Decisions(dismissed_runs(known), RecordedAcceptances(known, judged, runs))
    replay = SeriesReplay(judged, [run.run_id for run in runs], sensitivity, decisions, covariates)
    histories, _ = replay.judge()
    compared = {
        (one.scenario, one.part): BaselineComparison(
            one,
            not_comparable[one.scenario, one.part],
            _of_control() if one.scenario in names else _metrics_of(one, histories),
            covariates.move_of(one.scenario) if one.scenario in names and not one.part else None,
        )
        for one in comparable
        if one.points and one.points[-1].run_id == run_id
    }
    return ComparedSeries(compared, list(covariates.readings()))


def covariates_of(
    run_id: str, series: Sequence[MetricSeries], control_runs: Sequence[ControlRun]
) -> tuple[Covariates, frozenset[str]]:
    """The controls up to a run, made by its class of load generators, and the names of the scenarios among them.

    A scenario that this run names as a control is one in all of its runs: what it measures is the same.
    """
    own = next((run for run in control_runs if run.run_id == run_id), None)
    if own is None:
        return Covariates(), frozenset()
    names = frozenset(own.controls.scenarios)
    comparable = [run for run in control_runs if run.sequence <= own.sequence and run.generator == own.generator]
    return Covariates(comparable, [one for one in series if one.scenario in names and not one.part]), names


def _until(series: MetricSeries, run_id: str) -> MetricSeries | None:
    """The points up to one run; None where the run isn't among them."""
    for number, point in enumerate(series.points, 1):
        if point.run_id == run_id:
            return MetricSeries(series.scenario, series.part, series.points[:number])
    return None


def _not_comparable(series: MetricSeries) -> NotComparable | None:
    """Why the last run but one can't be compared with the last one."""
    if len(series.points) == 1:
        return None
    before, newest = series.points[-2:]
    difference = newest.fingerprint.first_difference(before.fingerprint)
    return NotComparable.of(difference, before.run_id, new_baseline=True) if difference is not None else None


def without_fixed(series: MetricSeries, known: Sequence[Regression]) -> MetricSeries:
    """The series without the runs of regressions that somebody has declared fixed."""
    points = series.points
    for regression in known:
        ours = (regression.scenario, regression.part) == (series.scenario, series.part)
        if ours and regression.state is RegressionState.FIXED and regression.by_hand:
            fixed_after, order = regression.moves[-1].sequence, [point.run_id for point in points]
            if regression.first_run in order:
                first = order.index(regression.first_run)
                points = [
                    point for number, point in enumerate(points) if number < first or point.sequence > fixed_after
                ]
    return MetricSeries(series.scenario, series.part, points)


def dismissed_runs(known: Sequence[Regression]) -> dict[tuple[str, str], list[DismissedRuns]]:
    """The runs of each false alarm, by scenario and part."""
    found: dict[tuple[str, str], list[DismissedRuns]] = {}
    for regression in known:
        if regression.state is RegressionState.DISMISSED:
            runs = DismissedRuns(regression.first_run, regression.found_run)
            found.setdefault((regression.scenario, regression.part), []).append(runs)
    return found


def _of_control() -> dict[str, MetricHistory]:
    """The metrics of a control scenario: shown next to their levels, and never judged."""
    return {
        name: MetricHistory(Judgement(DetectorState.NORMAL), None, None, None, None, None) for name in BASELINE_METRICS
    }


def _metrics_of(series: MetricSeries, histories: Mapping[MetricKey, MetricHistory]) -> dict[str, MetricHistory]:
    keys = {name: (series.scenario, series.part, name) for name in BASELINE_METRICS}
    return {name: histories[key] for name, key in keys.items() if key in histories}
