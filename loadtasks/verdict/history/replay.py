"""All runs of all series judged again in their order, so that false alarms are budgeted over the whole family.

The verdict of a run keeps no state of a detector: it is replayed from the stored runs, which takes less than a second
for years of them (`python -m benchmarks.verdict.long_history`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loadtasks.results.regression import MetricChange
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.series import METRICS, MetricSeries
from loadtasks.verdict.history.baselines import MAX_REPETITIONS, Values
from loadtasks.verdict.history.change_point import ChangePoint
from loadtasks.verdict.history.detector import (
    Detector,
    DetectorState,
    Judgement,
    SeriesSettings,
)
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.sensitivity import Sensitivity

TAIL = "p95_s"
"""Judged relative to the median: what slows all requests alike moves both, and p50 shows it."""


@dataclass(frozen=True)
class _JudgedMetric:
    """How one metric is judged."""

    weight: float
    """Its share of the false alarms that its scenario may raise."""
    worse_up: bool = True
    min_effect: float | None = None
    """The smallest change that is reported, where the setting is smaller."""
    is_share: bool = False
    """Whether changes are differences; otherwise they are factors, and logarithms are judged."""


_JUDGED = {
    "p50_s": _JudgedMetric(0.5),
    TAIL: _JudgedMetric(0.15, min_effect=0.05),
    "throughput_per_s": _JudgedMetric(0.15, worse_up=False),
    "success_rate": _JudgedMetric(0.1, worse_up=False, min_effect=0.02, is_share=True),
    "connect_mean_s": _JudgedMetric(0.1, min_effect=0.1),
}
"""The median has half of the budget, since it is what most changes move; the others share the rest by how often they
alone show a change. Tail and connecting vary more within a run, so smaller changes of them are not reported."""

MetricKey = tuple[str, str, str]
"""Scenario, part, metric."""


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


class SeriesReplay:
    """Series judged run by run, from the first run on."""

    def __init__(
        self,
        series: Sequence[MetricSeries],
        runs: Sequence[str],
        sensitivity: Sensitivity,
        dismissed: Mapping[tuple[str, str], frozenset[str]] | None = None,
    ) -> None:
        """Read the values of all series.

        Args:
            series: What is judged, without the points that must not count.
            runs: The ids of all runs that measured any of them, oldest first.
            sensitivity: Budget and minimum effect.
            dismissed: Runs in which a scenario's alarm was a false one, by scenario and part.
        """
        self._runs = list(runs)
        self._series = [one for one in series if one.points]
        self._keys: list[MetricKey] = [(one.scenario, one.part, name) for one in self._series for name in METRICS]
        self._dismissed = dismissed or {}
        self._detector = Detector(
            [_settings(name, len(self._series), sensitivity) for _, _, name in self._keys],
            FalseAlarmBudget(sensitivity.runs_per_false_alarm),
            sensitivity.accept_improvements,
        )
        self._read()

    def judge(self) -> tuple[dict[MetricKey, MetricHistory], list[Alarm]]:
        """Judge all runs, once. Returns the state of each metric as of the last run, and every alarm on the way."""
        judgements: list[Judgement] = []
        due: list[RepetitionReason | None] = []
        alarms: list[Alarm] = []
        for run, values in enumerate(self._values):
            self._detector.begin_run(values)
            for repetition in self._repetitions.get(run, ()):
                self._detector.add_repetition(repetition)
            if run == len(self._values) - 1:
                due = self._detector.repetitions_due()
            judgements = self._detector.judge()
            for row, judgement in enumerate(judgements):
                if judgement.raised and judgement.change is not None:
                    alarms.append(self._alarm(run, row, judgement, judgement.change))
                    if judgement.state is DetectorState.REGRESSED and self._is_dismissed(run, row):
                        self._detector.dismiss(row)
        histories = {
            key: self._history(row, judgements[row], due[row]) for row, key in enumerate(self._keys) if judgements
        }
        return histories, alarms

    def _read(self) -> None:
        """Bring the points into arrays of runs x metrics of all series; nan where there is no value."""
        position = {run_id: number for number, run_id in enumerate(self._runs)}
        values = np.full((len(self._runs), len(self._keys)), np.nan)
        further: dict[int, Values] = {}
        for number, series in enumerate(self._series):
            columns = slice(number * len(METRICS), (number + 1) * len(METRICS))
            for point in series.points:
                at = position[point.run_id]
                values[at, columns] = point.repetitions[0]
                if len(point.repetitions) > 1:
                    rows = further.setdefault(at, np.full((MAX_REPETITIONS - 1, len(self._keys)), np.nan))
                    rows[: len(point.repetitions) - 1, columns] = point.repetitions[1:MAX_REPETITIONS]
        self._levels = self._in_logarithms(values)
        self._values = _tail_relative_to_median(self._levels)
        self._repetitions = {run: _tail_relative_to_median(self._in_logarithms(rows)) for run, rows in further.items()}

    def _in_logarithms(self, values: Values) -> Values:
        logarithmic = np.array([not _JUDGED[name].is_share for _, _, name in self._keys], dtype=bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, logarithmic] = np.log(values[:, logarithmic])
        values[~np.isfinite(values)] = np.nan
        return values

    def _is_dismissed(self, run: int, row: int) -> bool:
        scenario, part, _ = self._keys[row]
        return self._runs[run] in self._dismissed.get((scenario, part), ())

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

    def _history(self, row: int, judgement: Judgement, due: RepetitionReason | None) -> MetricHistory:
        change = judgement.change
        if judgement.state is DetectorState.REGRESSED:
            change = self._detector.change(row)
        if change is None:
            return MetricHistory(judgement, None, None, None, due)
        earlier = np.flatnonzero(~np.isnan(self._values[: change.first, row]))
        before_run = self._runs[int(earlier[-1])] if len(earlier) else None
        return MetricHistory(judgement, self._in_units(row, change), self._runs[change.first], before_run, due)

    def _in_units(self, row: int, change: ChangePoint) -> MetricChange:
        metric = self._keys[row][2]
        before = float(np.nanmedian(self._levels[: change.first, row]))
        if not _JUDGED[metric].is_share:
            sizes = (float(np.exp(size)) for size in (change.size, change.low, change.high))
            before = float(np.exp(before))
        else:
            sizes = ((before + size) / before for size in (change.size, change.low, change.high))
        ratio, low, high = sizes
        return MetricChange(metric=metric, before=before, ratio=ratio, low=low, high=high)


def _tail_relative_to_median(values: Values) -> Values:
    """A copy of the values with the tail divided by the median, in logarithms."""
    relative = values.copy()
    relative[:, METRICS.index(TAIL) :: len(METRICS)] -= values[:, METRICS.index("p50_s") :: len(METRICS)]
    return relative


def _settings(metric: str, scenarios: int, sensitivity: Sensitivity) -> SeriesSettings:
    judged = _JUDGED[metric]
    min_effect = sensitivity.min_effect if judged.min_effect is None else max(judged.min_effect, sensitivity.min_effect)
    return SeriesSettings(
        min_effect=min_effect if judged.is_share else float(np.log1p(min_effect)),
        share=judged.weight / scenarios,
        worse_up=judged.worse_up,
    )
