"""The controls of a service's runs, and what they explain of the series that are judged.

- `null_server`, the mean round trip to the null server on the load generator's machine, can explain the median, p95 /
  p50 and the throughput of every scenario;
- `null_connect`, the mean time to connect to it, their time to connect;
- a scenario with `control: true` in its file the same metrics of the other scenarios, its median also throughput.

A success rate is explained by nothing: errors are the API's, however busy the machine is.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from loadtasks.measurement.control import NULL_CONNECT, NULL_SERVER, ControlReading
from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS
from loadtasks.results.control_runs import ControlRun
from loadtasks.results.series import MetricSeries
from loadtasks.verdict.history.baselines import Values
from loadtasks.verdict.history.control import SeriesGroups, explain
from loadtasks.verdict.history.control_levels import FollowedControl, follow
from loadtasks.verdict.history.judged_values import in_logarithms, relative

MAX_CONTROLS = 5
"""Scenarios that serve as controls, in the order of their names; further ones are measured and explain nothing."""
_NAMES = list(BASELINE_METRICS)
_SAMPLED = {"p50_s": NULL_SERVER, "throughput_per_s": NULL_SERVER, "p95_s": NULL_SERVER, "connect_mean_s": NULL_CONNECT}
"""The sampled control of each metric that one can explain."""
_OF_SCENARIO = {"p50_s": "p50_s", "throughput_per_s": "p50_s", "p95_s": "p95_s", "connect_mean_s": "connect_mean_s"}
"""The metric of a control scenario that explains each metric."""


@dataclass(frozen=True)
class EnvironmentMove:
    """What of a metric's shift in the newest run is the environment's, by a control."""

    control: str
    """Its name."""
    control_size: float
    """How far the control is from its usual level, in logarithms; above 0 where it is slower."""
    size: float
    """How far the metric moved with it, in units of the series' values; above 0 where it is higher."""
    first_run: str
    """The id of the control's first run at its new level."""


class _Control(NamedTuple):
    name: str
    followed: FollowedControl
    metrics: tuple[str, ...]
    """The metrics whose series it can explain."""

    @property
    def is_of_tails(self) -> bool:
        """Whether it is the tail, or the time to connect, of a control scenario, whose p50 is a control, too."""
        return self.name not in (NULL_SERVER, NULL_CONNECT) and "p50_s" not in self.metrics


@dataclass
class ExplainedRuns:
    """What all controls explain."""

    explained: Values
    """To be subtracted from the series' values; shape: runs x series."""
    moves: list[EnvironmentMove | None]
    """The largest part of the newest run that a control's move explains, for each series; None where there is none."""


@dataclass(frozen=True)
class Covariates:
    """The controls over all runs of a service that one class of load generators has made."""

    runs: Sequence[ControlRun] = ()
    """The oldest first."""
    scenarios: Sequence[MetricSeries] = field(default=())
    """The comparable runs of the scenarios that are controls, without their parts."""

    def explain(self, values: Values, run_ids: Sequence[str], scenario_of: Sequence[int]) -> ExplainedRuns:
        """What they explain of series that are judged.

        Args:
            values: As they are judged: a column for each of `BASELINE_METRICS`, in their order, of every scenario and
                part; shape: runs x series.
            run_ids: The runs.
            scenario_of: The number of the scenario of each scenario and part.
        """
        outcome = ExplainedRuns(np.zeros_like(values), [None] * values.shape[1])
        place = {run.run_id: number for number, run in enumerate(self.runs)}
        known = np.array([number for number, run_id in enumerate(run_ids) if run_id in place], dtype=np.int64)
        if not len(known):
            return outcome
        positions = np.array([place[run_ids[number]] for number in known], dtype=np.int64)
        metric = np.arange(values.shape[1]) % len(_NAMES)
        scenario = np.repeat(np.asarray(scenario_of, dtype=np.int64), len(_NAMES))
        sign = np.array([-1.0 if METRICS[name].higher_is_better else 1.0 for name in _NAMES])[metric]
        for control in self._controls:
            columns = np.flatnonzero(np.isin(metric, [_NAMES.index(name) for name in control.metrics]))
            left = sign[columns] * (values - outcome.explained)[np.ix_(known, columns)]
            of = SeriesGroups(metric[columns], scenario[columns])
            found = explain(left, control.followed, positions, of)
            outcome.explained[np.ix_(known, columns)] += sign[columns] * found.explained
            if known[-1] == len(run_ids) - 1 and (newest := self._newest(control)) is not None:
                for column, moved in zip(columns, sign[columns] * found.moved, strict=True):
                    before = outcome.moves[column]
                    if moved and (before is None or abs(before.size) < abs(moved)):
                        outcome.moves[column] = EnvironmentMove(control.name, newest[0], float(moved), newest[1])
        return outcome

    def readings(self) -> Iterator[ControlReading]:
        """What each control shows in the newest run."""
        for control in self._controls:
            followed = control.followed
            if control.is_of_tails or not followed.visits or math.isnan(followed.deviations[-1]):
                continue
            usual, moved = followed.usual, self._newest(control)
            scale = float(followed.scales[-1])
            known = usual is not None and not math.isnan(scale)
            yield ControlReading(
                name=control.name,
                observed_s=math.exp(followed.levels[followed.visits[-1].level].value + followed.deviations[-1]),
                usual_s=math.exp(followed.levels[usual].value) if known and usual is not None else None,
                scale=scale if known else None,
                moved_since=moved[1] if moved is not None else None,
            )

    def move_of(self, scenario: str) -> EnvironmentMove | None:
        """How far a control scenario itself is from its usual p50 in the newest run; None where it is there."""
        control = next((one for one in self._controls if one.name == scenario and "p50_s" in one.metrics), None)
        newest = self._newest(control) if control is not None else None
        return EnvironmentMove(scenario, newest[0], newest[0], newest[1]) if newest is not None else None

    def _newest(self, control: _Control) -> tuple[float, str] | None:
        """How far a control is from its usual level, and since which run; None where it is there, or is missing."""
        followed = control.followed
        if not followed.visits or followed.visits[-1].runs[-1] != len(self.runs) - 1:
            return None
        visit, usual = followed.visits[-1], followed.usual
        if usual is None or visit.level == usual:
            return None
        size = followed.levels[visit.level].value - followed.levels[usual].value
        return size, self.runs[visit.first].run_id

    @cached_property
    def _controls(self) -> Sequence[_Control]:
        """All controls: scenarios first, which are nearest to what the API's scenarios meet."""
        controls = []
        for own in dict.fromkeys(_OF_SCENARIO.values()):
            metrics = tuple(name for name, of_control in _OF_SCENARIO.items() if of_control == own)
            controls += [
                _Control(series.scenario, follow(self._values_of(series, own)), metrics)
                for series in self.scenarios[:MAX_CONTROLS]
            ]
        for name in (NULL_SERVER, NULL_CONNECT):
            metrics = tuple(metric for metric, of in _SAMPLED.items() if of == name)
            sampled = np.array([run.value(name) for run in self.runs], dtype=np.float64)
            controls.append(_Control(name, follow(np.log(sampled)), metrics))
        return [control for control in controls if control.followed.visits]

    def _values_of(self, series: MetricSeries, metric: str) -> Values:
        """One of `BASELINE_METRICS` of a scenario, as it is judged, in each run; nan where there is none."""
        place = {run.run_id: number for number, run in enumerate(self.runs)}
        points = [point for point in series.points if point.run_id in place]
        values = np.full(len(self.runs), np.nan)
        if points:
            judged = relative(in_logarithms(np.array([point.values for point in points], dtype=np.float64)))
            values[[place[point.run_id] for point in points]] = judged[:, _NAMES.index(metric)]
        return values
