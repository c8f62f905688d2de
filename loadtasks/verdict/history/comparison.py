"""Tonight beside its past: which earlier nights it may be compared with, and what they say of it together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loadtasks.results.findings.history import NotComparable
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.series import METRICS, MetricSeries, SeriesPoint
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.replay import MetricHistory, Row, SeriesReplay


@dataclass(frozen=True)
class BaselineComparison:
    """One scenario, or one part of it, as of one night."""

    series: MetricSeries
    """The nights that can be compared, that night being the last."""
    not_comparable: NotComparable | None
    """Why the last run before it can't be compared with it; None where it can, or where there is none."""
    pasts: Mapping[str, MetricHistory]
    """By metric."""

    @property
    def tonight(self) -> SeriesPoint:
        """The night itself."""
        return self.series.points[-1]

    @property
    def again(self) -> RepetitionReason | None:
        """Why it should be measured again tonight."""
        asked = {past.again for past in self.pasts.values()} - {None}
        return RepetitionReason.SUSPECT if RepetitionReason.SUSPECT in asked else next(iter(asked), None)

    def level(self, metric: str) -> float | None:
        """The median of the nights before it, or before the first one of a change; None where there is none."""
        past = self.pasts.get(metric)
        earlier = self.series.points[:-1]
        if past is not None and past.first_run is not None:
            first = [point.run_id for point in self.series.points].index(past.first_run)
            earlier = self.series.points[:first]
        values = MetricSeries(self.series.scenario, self.series.part, earlier).values(metric)
        known = values[~np.isnan(values)]
        return float(np.median(known)) if len(known) else None

    def night(self, run_id: str) -> SeriesPoint:
        """One of the nights."""
        return next(point for point in self.series.points if point.run_id == run_id)


def compare_with_baseline(
    run_id: str, series: Sequence[MetricSeries], known: Sequence[Regression], sensitivity: Sensitivity
) -> dict[tuple[str, str], BaselineComparison]:
    """Judge a run's night by the nights before it; by scenario and part, of those that the run measured validly.

    Args:
        run_id: The night.
        series: The past of all scenarios since their accepted levels; what came after the night is left out.
        known: The regressions that were found so far, whatever became of them.
        sensitivity: How sure one wants to be.
    """
    until = {(one.scenario, one.part): _until(one, run_id) for one in series}
    moment = next((each.points[-1].started_at for each in until.values() if each is not None), None)
    if moment is None:
        return {}
    comparable, not_comparable = [], {}
    for one in series:
        key, seen = (one.scenario, one.part), until[one.scenario, one.part]
        if seen is None:  # not measured tonight; it counts in the family all the same
            seen = MetricSeries(*key, [point for point in one.points if point.started_at <= moment])
        if seen.points:
            like = seen.like(seen.points[-1].fingerprint)
            not_comparable[key] = _not_comparable(seen)
            comparable.append(without(like, known))
    runs = sorted({(night.started_at, night.run_id) for one in comparable for night in one.points})
    nights = SeriesReplay(comparable, [each for _, each in runs], sensitivity, dismissed(known))
    pasts, _ = nights.replay()
    return {
        (one.scenario, one.part): BaselineComparison(one, not_comparable[one.scenario, one.part], _of(pasts, one))
        for one in comparable
        if one.points and one.points[-1].run_id == run_id
    }


def _until(series: MetricSeries, run_id: str) -> MetricSeries | None:
    """The nights up to one; None where it isn't among them."""
    for number, night in enumerate(series.points, 1):
        if night.run_id == run_id:
            return MetricSeries(series.scenario, series.part, series.points[:number])
    return None


def _not_comparable(series: MetricSeries) -> NotComparable | None:
    """Why the last run but one can't be compared with the last one."""
    if len(series.points) == 1:
        return None
    before, tonight = series.points[-2:]
    difference = tonight.fingerprint.unlike(before.fingerprint)
    return NotComparable.of(difference, before.run_id, new_baseline=True) if difference is not None else None


def without(series: MetricSeries, known: Sequence[Regression]) -> MetricSeries:
    """The series without the nights of regressions that somebody has fixed."""
    nights = series.points
    for regression in known:
        ours = (regression.scenario, regression.part) == (series.scenario, series.part)
        if ours and regression.state is RegressionState.FIXED and regression.by_hand:
            fixed_at, order = regression.moves[-1].at, [point.run_id for point in nights]
            if regression.first_run in order:
                first = order.index(regression.first_run)
                nights = [night for at, night in enumerate(nights) if at < first or night.started_at >= fixed_at]
    return MetricSeries(series.scenario, series.part, nights)


def dismissed(known: Sequence[Regression]) -> dict[tuple[str, str], frozenset[str]]:
    """The runs that raised a false alarm, by scenario and part."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for regression in known:
        if regression.state is RegressionState.DISMISSED:
            key = (regression.scenario, regression.part)
            found[key] = found.get(key, frozenset()) | {regression.found_run}
    return found


def _of(pasts: Mapping[Row, MetricHistory], series: MetricSeries) -> dict[str, MetricHistory]:
    rows = {name: (series.scenario, series.part, name) for name in METRICS}
    return {name: pasts[row] for name, row in rows.items() if row in pasts}
