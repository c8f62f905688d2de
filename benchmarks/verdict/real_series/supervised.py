"""The project's own detector over real series, run by run, with a person who responds to its alarms, or without one.

Series are judged side by side, since a row of a detector knows nothing of the others: each has its own part of the
budget, as if it were judged alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from benchmarks.verdict.real_series.scoring import Alarm, is_annotated
from benchmarks.verdict.real_series.series import RealSeries
from benchmarks.verdict.simulated_runs import Values
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history.baselines import MAX_REPETITIONS
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.series_judgement import DetectorState, Judgement
from loadtasks.verdict.history.series_settings import SeriesSettings

RUNS_PER_FALSE_ALARM = 100
MIN_EFFECT = 0.03
AUTO_ACCEPT_RUNS = 30
"""Runs after which a regression that nobody responds to is accepted."""
_SIDE_BY_SIDE = 12
"""Series of about the same length that are judged in one detector."""


class Response(StrEnum):
    """What becomes of an alarm."""

    ANSWERED = "answered"
    """A regression near an annotation is accepted at once, any other is dismissed."""
    UNANSWERED = "unanswered"
    """Nobody does anything. A regression that is open for 30 runs is accepted automatically."""


@dataclass
class JudgedSeries:
    """What the detector says of one series."""

    series: RealSeries
    alarms: list[Alarm] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    """Of each alarm, the new level in times the old one, as the detector estimates it."""
    recoveries: int = 0
    """The alarms that are recoveries from an open regression."""
    accepted: list[int] = field(default_factory=list)
    """The points at which a regression was accepted automatically."""
    runs: int = 0
    repeated: int = 0
    """Runs that the detector would have repeated since they look worse; repetitions while it learns don't count."""
    suspected: int = 0
    """Runs that it calls suspected."""


def judge(series: Sequence[RealSeries], share: float, response: Response) -> list[JudgedSeries]:
    """Judge all series from their first to their last run.

    Args:
        series: What is judged.
        share: Each series' part of a budget of one false alarm in 100 runs.
        response: What becomes of an alarm.
    """
    by_length = sorted(range(len(series)), key=lambda number: len(series[number].first_points))
    judged: dict[int, JudgedSeries] = {}
    for begin in range(0, len(by_length), _SIDE_BY_SIDE):
        numbers = by_length[begin : begin + _SIDE_BY_SIDE]
        together = _SideBySide([series[number] for number in numbers], share, response).judge()
        judged |= dict(zip(numbers, together, strict=True))
    return [judged[number] for number in range(len(series))]


class _SideBySide:
    def __init__(self, series: Sequence[RealSeries], share: float, response: Response) -> None:
        self._judged = [JudgedSeries(one, runs=len(one.first_points)) for one in series]
        self._response = response
        self._values = _values(series)
        self._detector = Detector(
            [SeriesSettings(float(np.log1p(MIN_EFFECT)), share, one.worse_up) for one in series],
            FalseAlarmBudget(RUNS_PER_FALSE_ALARM),
        )
        self._raised: dict[int, int] = {}
        """By row, the run in which the open regression was raised."""
        self._back: dict[int, int] = {}
        """By row, the first of the newest runs in which an open regression was back at its level."""

    def judge(self) -> list[JudgedSeries]:
        for run in range(self._values.shape[2]):
            self._measure(run)
            for row, judgement in enumerate(self._detector.judge()):
                if not np.isnan(self._values[0, row, run]):
                    self._take(run, row, judgement)
        return self._judged

    def _measure(self, run: int) -> None:
        self._detector.begin_run(self._values[0, :, run])
        for number, values in enumerate(self._values[1:, :, run]):
            due = self._detector.repetitions_due()
            if not number:
                for row, reason in enumerate(due):
                    self._judged[row].repeated += reason is RepetitionReason.SUSPECT
            further = np.where([reason is not None for reason in due], values, np.nan)
            if np.isnan(further).all():
                break
            self._detector.add_repetition(further)

    def _take(self, run: int, row: int, judgement: Judgement) -> None:
        judged = self._judged[row]
        judged.suspected += judgement.state is DetectorState.SUSPECTED
        if judgement.recovered:
            self._recovered(run, row, judgement)
        if judgement.raised and judgement.change is not None:
            alarm = self._alarm(run, row, judgement.change.first, judgement.change.size)
            if judgement.state is DetectorState.REGRESSED:
                self._respond(run, row, alarm)
        elif row in self._raised:
            self._watch(run, row, judgement)

    def _respond(self, run: int, row: int, alarm: Alarm) -> None:
        if self._response is Response.UNANSWERED:
            self._raised[row] = run
        elif is_annotated(self._judged[row].series, alarm):
            self._detector.accept(row)
        else:
            self._detector.dismiss(row)

    def _watch(self, run: int, row: int, judgement: Judgement) -> None:
        """A regression is open and nobody responds."""
        if judgement.state is not DetectorState.RECOVERING:
            self._back.pop(row, None)
        else:
            self._back.setdefault(row, run)
        if run - self._raised[row] >= AUTO_ACCEPT_RUNS:
            self._detector.accept(row)
            self._close(row)
            self._judged[row].accepted.append(self._judged[row].series.first_points[run])

    def _recovered(self, run: int, row: int, judgement: Judgement) -> None:
        """The series is back at its level: a change in the other direction."""
        if judgement.change is not None:
            self._alarm(run, row, self._back.get(row, run), -judgement.change.size)
            self._judged[row].recoveries += 1
        self._close(row)

    def _close(self, row: int) -> None:
        self._raised.pop(row, None)
        self._back.pop(row, None)

    def _alarm(self, run: int, row: int, first_run: int, size: float) -> Alarm:
        judged = self._judged[row]
        points = judged.series.first_points
        alarm = Alarm(points[run], points[first_run], 1 if size > 0 else -1)
        judged.alarms.append(alarm)
        judged.sizes.append(float(np.exp(size)))
        return alarm


def _values(series: Sequence[RealSeries]) -> Values:
    """Shape: repetitions x series x runs; nan where there is none."""
    runs = max(len(one.first_points) for one in series)
    values = np.full((MAX_REPETITIONS, len(series), runs), np.nan)
    for row, one in enumerate(series):
        for run, repetitions in enumerate(one.repetitions):
            number = min(len(repetitions), MAX_REPETITIONS)
            values[:number, row, run] = repetitions[:number]
    return values
