"""The nights of all scenarios judged together, so that false alarms are counted over all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loadtasks.results.regression import MetricChange
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.series import METRICS, MetricSeries
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history import detector
from loadtasks.verdict.history.change import ChangePoint
from loadtasks.verdict.history.detector import Detector, DetectorState, Judgement
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.levels import MAX_REPETITIONS, Values

TAIL = "p95_s"
"""Judged by how far it lies above the median: what slows all requests alike slows both, and p50 tells it."""


@dataclass(frozen=True)
class _Judged:
    """How one metric is judged."""

    weight: float
    """Its part of the false alarms that its scenario may raise."""
    worse_up: bool = True
    min_effect: float | None = None
    """The least change that is told, where it isn't people's to set."""
    is_share: bool = False
    """Whether changes are differences; otherwise they are factors, and logarithms are judged."""


_JUDGED = {
    "p50_s": _Judged(0.5),
    TAIL: _Judged(0.15, min_effect=0.05),
    "throughput_per_s": _Judged(0.15, worse_up=False),
    "success_rate": _Judged(0.1, worse_up=False, min_effect=0.02, is_share=True),
    "connect_mean_s": _Judged(0.1, min_effect=0.1),
}

Row = tuple[str, str, str]
"""Scenario, part, metric."""


@dataclass(frozen=True)
class MetricHistory:
    """What one metric's nights say as of the last one."""

    judgement: Judgement
    change: MetricChange | None
    """The judgement's change in the metric's own words."""
    first_run: str | None
    """The run of its first night."""
    before_run: str | None
    """The last run before that."""
    again: RepetitionReason | None
    """Why it should be measured again in that night."""


@dataclass(frozen=True)
class Alarm:
    """One metric found worse or better, on one night."""

    run_id: str
    scenario: str
    part: str
    metric: str
    state: DetectorState
    first_run: str
    change: MetricChange


class SeriesReplay:
    """Series judged night by night, from the first one on. Nights are the runs that measured any of them, in order.

    Args:
        series: What is judged; nights of a series that must not count are left out of it.
        runs: All runs, oldest first.
        sensitivity: How sure one wants to be.
        dismissed: Runs in which a scenario's alarm was a false one, by scenario and part.
    """

    def __init__(
        self,
        series: Sequence[MetricSeries],
        runs: Sequence[str],
        sensitivity: Sensitivity,
        dismissed: Mapping[tuple[str, str], frozenset[str]] | None = None,
    ) -> None:
        self._runs = list(runs)
        self._series = [each for each in series if each.points]
        self._rows: list[Row] = [(each.scenario, each.part, name) for each in self._series for name in METRICS]
        self._dismissed = dismissed or {}
        self._history = Detector(
            [_judged_as(name, len(self._series), sensitivity) for _, _, name in self._rows],
            FalseAlarmBudget(sensitivity.runs_per_false_alarm),
            sensitivity.accept_improvements,
        )
        self._read()

    def replay(self) -> tuple[dict[Row, MetricHistory], list[Alarm]]:
        """Judge all nights. Gives what the last one says of each metric, and every alarm on the way."""
        judged: list[Judgement] = []
        again: list[RepetitionReason | None] = []
        alarms: list[Alarm] = []
        for night, values in enumerate(self._values):
            self._history.begin(values)
            for repetition in self._further.get(night, ()):
                self._history.add(repetition)
            if night == len(self._values) - 1:
                again = self._history.again()
            judged = self._history.judge()
            for row, judgement in enumerate(judged):
                if judgement.raised and judgement.change is not None:
                    alarms.append(self._alarm(night, row, judgement, judgement.change))
                    if judgement.state is DetectorState.REGRESSED and self._is_dismissed(night, row):
                        self._history.dismiss(row)
        pasts = {
            row: self._past(number, judged[number], again[number]) for number, row in enumerate(self._rows) if judged
        }
        return pasts, alarms

    def _read(self) -> None:
        """Bring the nights into rows, with a metric of a series a column; not a number where there is no value."""
        position = {run_id: number for number, run_id in enumerate(self._runs)}
        values = np.full((len(self._runs), len(self._rows)), np.nan)
        further: dict[int, Values] = {}
        for number, series in enumerate(self._series):
            columns = slice(number * len(METRICS), (number + 1) * len(METRICS))
            for night in series.points:
                at = position[night.run_id]
                values[at, columns] = night.repetitions[0]
                if len(night.repetitions) > 1:
                    rows = further.setdefault(at, np.full((MAX_REPETITIONS - 1, len(self._rows)), np.nan))
                    rows[: len(night.repetitions) - 1, columns] = night.repetitions[1:MAX_REPETITIONS]
        self._levels = self._in_logarithms(values)
        self._values = _tail_apart(self._levels)
        self._further = {night: _tail_apart(self._in_logarithms(rows)) for night, rows in further.items()}

    def _in_logarithms(self, values: Values) -> Values:
        logarithmic = np.array([not _JUDGED[name].is_share for _, _, name in self._rows], dtype=bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, logarithmic] = np.log(values[:, logarithmic])
        values[~np.isfinite(values)] = np.nan
        return values

    def _is_dismissed(self, night: int, row: int) -> bool:
        scenario, part, _ = self._rows[row]
        return self._runs[night] in self._dismissed.get((scenario, part), ())

    def _alarm(self, night: int, row: int, judgement: Judgement, change: ChangePoint) -> Alarm:
        scenario, part, metric = self._rows[row]
        return Alarm(
            run_id=self._runs[night],
            scenario=scenario,
            part=part,
            metric=metric,
            state=judgement.state,
            first_run=self._runs[change.first],
            change=self._in_words(row, change),
        )

    def _past(self, row: int, judgement: Judgement, again: RepetitionReason | None) -> MetricHistory:
        change = judgement.change
        if judgement.state is DetectorState.REGRESSED:
            change = self._history.change(row)
        if change is None:
            return MetricHistory(judgement, None, None, None, again)
        earlier = np.flatnonzero(~np.isnan(self._values[: change.first, row]))
        before_run = self._runs[int(earlier[-1])] if len(earlier) else None
        return MetricHistory(judgement, self._in_words(row, change), self._runs[change.first], before_run, again)

    def _in_words(self, row: int, change: ChangePoint) -> MetricChange:
        metric = self._rows[row][2]
        before = float(np.nanmedian(self._levels[: change.first, row]))
        if not _JUDGED[metric].is_share:
            size = (float(np.exp(each)) for each in (change.size, change.low, change.high))
            before = float(np.exp(before))
        else:
            size = ((before + each) / before for each in (change.size, change.low, change.high))
        ratio, low, high = size
        return MetricChange(metric=metric, before=before, ratio=ratio, low=low, high=high)


def _tail_apart(values: Values) -> Values:
    """The same with the tail told by how far it lies above the median."""
    apart = values.copy()
    apart[:, METRICS.index(TAIL) :: len(METRICS)] -= values[:, METRICS.index("p50_s") :: len(METRICS)]
    return apart


def _judged_as(metric: str, scenarios: int, sensitivity: Sensitivity) -> detector.SeriesSettings:
    judged = _JUDGED[metric]
    min_effect = sensitivity.min_effect if judged.min_effect is None else max(judged.min_effect, sensitivity.min_effect)
    return detector.SeriesSettings(
        min_effect=min_effect if judged.is_share else float(np.log1p(min_effect)),
        share=judged.weight / scenarios,
        worse_up=judged.worse_up,
    )
