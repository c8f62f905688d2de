"""All runs of all series judged again in their order, so that false alarms are budgeted over the whole family.

The verdict of a run keeps no state of a detector: it is replayed from the stored runs, which takes seconds for
years of many scenarios (`python -m benchmarks.verdict.long_history`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from loadtasks.measurement.metrics import BASELINE_METRICS, METRICS, Unit
from loadtasks.results.regression import MetricChange
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.series import MetricSeries, SeriesPoint
from loadtasks.settings import Sensitivity
from loadtasks.verdict.history.baselines import MAX_REPETITIONS, MIN_BASELINE_RUNS, Values
from loadtasks.verdict.history.change_point import ChangePoint
from loadtasks.verdict.history.covariates import Covariates, EnvironmentMove
from loadtasks.verdict.history.creep import Creep
from loadtasks.verdict.history.failure_counts import Counts
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.family import FamilyDetector
from loadtasks.verdict.history.judged_values import absolute, in_logarithms, relative
from loadtasks.verdict.history.plausibility import plausible_scale
from loadtasks.verdict.history.rate_change import RateChange
from loadtasks.verdict.history.series_judgement import DetectorState, Judgement
from loadtasks.verdict.history.series_settings import series_settings
from loadtasks.verdict.history.shifts import ConfirmedShifts, Gain
from loadtasks.verdict.history.unanswered import Acceptances

TAIL = "p95_s"
"""Judged relative to the median (see the registry of metrics), so that it shows what the median doesn't."""

MAX_RECENT_RUNS = 30
"""Runs before a change that its size is taken from, where it is compared with that of other scenarios."""
MetricKey = tuple[str, str, str]
"""Scenario, part, metric."""


@dataclass(frozen=True)
class LostGain:
    """The improvement before a regression, which takes it back in part or whole."""

    first_run: str
    """Its first run."""
    before: float
    """The level before it, in the metric's unit."""
    ratio: float
    """Level after the regression / level before the improvement."""


@dataclass(frozen=True)
class CreepChange:
    """A drift of a metric away from the level of its anchor."""

    change: MetricChange
    anchor_run: str
    """The first run of the anchor."""
    first_run: str
    """The first run of the drift."""
    last_run: str
    """The last run of the drift."""
    runs: int
    """The number of runs from one to the other."""


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
    baseline_begin: str | None = None
    """The first run of the baseline where it is not the series' first one: of a gain, or of a loss that was accepted
    automatically."""
    lost_gain: LostGain | None = None
    """Of a change for the worse: the gain that it takes back."""
    creep: CreepChange | None = None
    threshold_raised: float = 0.0
    """By how much, in log odds, a change for the worse needs more evidence since a dismissal."""
    environment: EnvironmentMove | None = None
    """What of this run's value is the environment's, by a control; None where that is nothing."""
    judged: JudgedSeries | None = None
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


class Decisions(NamedTuple):
    """What becomes of the changes for the worse that a replay finds."""

    dismissed: Mapping[tuple[str, str], Sequence[DismissedRuns]] = MappingProxyType({})
    """The runs of each false alarm, by scenario and part."""
    acceptances: Acceptances | None = None
    """What is accepted automatically; None: nothing."""


class SeriesReplay:
    """Series judged run by run, from the first run on."""

    def __init__(
        self,
        series: Sequence[MetricSeries],
        runs: Sequence[str],
        sensitivity: Sensitivity,
        decisions: Decisions | None = None,
        covariates: Covariates | None = None,
    ) -> None:
        """Read the values of all series.

        Args:
            series: What is judged, without the points that must not count.
            runs: The ids of all runs that measured any of them, oldest first.
            sensitivity: Budget and minimum effect.
            decisions: What was dismissed or is accepted automatically.
            covariates: The controls; what they explain is not judged.
        """
        self._runs = list(runs)
        self._position = {run_id: number for number, run_id in enumerate(self._runs)}
        self._series = [one for one in series if one.points]
        self._keys: list[MetricKey] = [
            (one.scenario, one.part, name) for one in self._series for name in BASELINE_METRICS
        ]
        self._numbers = [number for number, one in enumerate(series) if one.points]
        self._places = {number: place for place, number in enumerate(self._numbers)}
        self._dismissed, self._acceptances = decisions or Decisions()
        self._accept_improvements = sensitivity.accept_improvements
        self._shifts = ConfirmedShifts(len(self._keys))
        self._settings = [
            series_settings(
                name, len(self._series), sensitivity, _prior_scale(name, series.points[0]), bool(series.part)
            )
            for series in self._series
            for name in BASELINE_METRICS
        ]
        self._detector = FamilyDetector(
            self._settings,
            FalseAlarmBudget(sensitivity.runs_per_false_alarm),
            sensitivity.accept_improvements,
        )
        self._read()
        self._explain(covariates or Covariates())

    def judge(self) -> tuple[dict[MetricKey, MetricHistory], list[Alarm]]:
        """Judge all runs, once. Returns the state of each metric as of the last run, and every alarm on the way."""
        changes: dict[int, Judgement] = {}
        due: list[RepetitionReason | None] = []
        smallest: Values = np.full(len(self._keys), np.nan)
        alarms: list[Alarm] = []
        for run, values in enumerate(self._values):
            self._detector.begin_run(values, self._counts[run, 0])
            for number, repetition in enumerate(self._repetitions.get(run, ()), 1):
                self._detector.add_repetition(repetition, self._counts[run, number])
            if run == len(self._values) - 1:
                due, smallest = self._detector.repetitions_due(), self._detector.smallest_shifts()
            changes = self._detector.judge_changes()
            for row, judgement in changes.items():
                if judgement.raised and judgement.change is not None:
                    alarms.append(self._alarm(run, row, judgement, judgement.change))
                    self._note_shift(run, row, judgement.state, judgement.change)
                elif judgement.recovered:
                    self._note_recovery(run, row)
            self._accept(run, changes)
        judgements = self._detector.all_judgements(changes) if len(self._values) else []
        self._creep = self._find_creep()
        histories = {
            key: self._history(row, judgements[row], due[row], float(smallest[row]))
            for row, key in enumerate(self._keys)
            if judgements
        }
        return histories, alarms

    def _note_shift(self, run: int, row: int, state: DetectorState, change: ChangePoint) -> None:
        if state is not DetectorState.REGRESSED:
            if self._accept_improvements:
                self._shifts.gain(row, change)
            return
        self._shifts.lose(row, change)
        if self._is_dismissed(run, row):
            self._detector.dismiss(row)
            self._shifts.dismiss(row)
        elif self._acceptances is not None:
            self._acceptances.found(self._numbers[row // len(BASELINE_METRICS)], run)

    def _note_recovery(self, run: int, row: int) -> None:
        self._shifts.recover(row, run)
        place = row // len(BASELINE_METRICS)
        if self._acceptances is not None and not any(map(self._shifts.is_open, self._rows(place))):
            self._acceptances.ended(self._numbers[place])

    def _rows(self, place: int) -> range:
        """The rows of one series' metrics."""
        return range(place * len(BASELINE_METRICS), (place + 1) * len(BASELINE_METRICS))

    def _accept(self, run: int, changes: Mapping[int, Judgement]) -> None:
        """Let the changes that are accepted with a run begin new baselines."""
        if self._acceptances is None:
            return
        places = self._places

        def is_shown(number: int) -> bool:
            judged = (changes.get(row) for row in self._rows(places[number]))
            return any(judgement.state is DetectorState.REGRESSED for judgement in judged if judgement is not None)

        for number in list(self._acceptances.due(run, is_shown)):
            for row in filter(self._shifts.is_open, self._rows(places[number])) if number in places else ():
                self._shifts.accept(row, self._detector.change(row))
                self._detector.accept(row)
            self._acceptances.ended(number)

    def _find_creep(self) -> list[Creep | None]:
        min_effect = np.array([settings.min_effect for settings in self._settings])
        worse_up = np.array([settings.worse_up for settings in self._settings], dtype=np.bool_)
        values = self._values.copy()
        values[:, [METRICS[metric].unit is Unit.SHARE for _, _, metric in self._keys]] = np.nan  # errors are counted
        return self._shifts.find_creep(values, min_effect, worse_up)

    def _read(self) -> None:
        """Bring the points into arrays of runs x metrics of all series; nan where there is no value."""
        values = np.full((len(self._runs), len(self._keys)), np.nan)
        self._counts: Counts = np.zeros((len(self._runs), MAX_REPETITIONS, len(self._series), 2), dtype=np.int64)
        further: dict[int, Values] = {}
        for number, series in enumerate(self._series):
            columns = slice(number * len(BASELINE_METRICS), (number + 1) * len(BASELINE_METRICS))
            runs = [self._position[point.run_id] for point in series.points]
            # Most runs were measured once: all first measurements at once take half the time of one by one.
            values[runs, columns] = np.array([point.repetitions[0] for point in series.points])
            self._counts[runs, 0, number] = np.array([point.counts[0] for point in series.points])
            for at, point in zip(runs, series.points, strict=True):
                if len(point.repetitions) > 1:
                    self._counts[at, : len(point.counts), number] = point.counts[:MAX_REPETITIONS]
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
        begin = int(self._shifts.begins[row])
        history = MetricHistory(
            judgement,
            change=None,
            first_run=None,
            before_run=None,
            repetition_reason=due,
            detectable=detectable,
            baseline_begin=self._runs[begin] if begin else None,
            creep=self._creep_change(row),
            threshold_raised=self._detector.threshold_raised(row),
            environment=self._moves[row],
            judged=JudgedSeries(self._values[:, row], self._position),
        )
        if change is None:
            return history
        gain = self._shifts.gain_before(row, change.first) if judgement.state is DetectorState.REGRESSED else None
        earlier = np.flatnonzero(~np.isnan(self._values[: change.first, row]))
        return replace(
            history,
            change=self._in_units(row, change),
            first_run=self._runs[change.first],
            before_run=self._runs[int(earlier[-1])] if len(earlier) else None,
            lost_gain=self._lost_gain(row, gain, change) if gain is not None else None,
        )

    def _lost_gain(self, row: int, gain: Gain, change: ChangePoint) -> LostGain:
        """The gain before a loss, and how far the loss goes beyond it."""
        if METRICS[self._keys[row][2]].unit is Unit.SHARE:
            before, now = (
                float(np.nanmedian(self._levels[first:last, row]))
                for first, last in ((gain.begin, gain.first), (change.first, None))
            )
            return LostGain(self._runs[gain.first], before, now / before if before else 1.0)
        after, before = (
            float(np.nanmedian(self._values[first:last, row]))
            for first, last in ((gain.first, change.first), (gain.begin, gain.first))
        )
        whole = replace(change, first=gain.first, size=after - before + change.size)
        compared = self._in_units(row, whole, gain.begin)
        return LostGain(self._runs[gain.first], compared.before, compared.ratio)

    def _creep_change(self, row: int) -> CreepChange | None:
        creep = self._creep[row]
        if creep is None:
            return None
        valid = np.flatnonzero(~np.isnan(self._values[:, row]))
        anchor = ChangePoint(int(valid[MIN_BASELINE_RUNS]), 0, 0, 0, creep.size, creep.low, creep.high)
        return CreepChange(
            change=self._in_units(row, anchor, int(valid[0])),
            anchor_run=self._runs[valid[0]],
            first_run=self._runs[creep.first],
            last_run=self._runs[creep.last],
            runs=creep.runs,
        )

    def _in_units(self, row: int, change: ChangePoint, begin: int | None = None) -> MetricChange:
        """A change in the metric's own unit. `begin`: the first run of the level before it; else the baseline's."""
        metric = self._keys[row][2]
        if isinstance(change, RateChange):
            return change.as_metric(metric)
        begin = self._shifts.begin_before(row, change.first) if begin is None else begin
        before = float(np.exp(np.nanmedian(self._levels[begin : change.first, row])))
        ratio, low, high = (float(np.exp(size)) for size in (change.size, change.low, change.high))
        return MetricChange(metric=metric, before=before, ratio=ratio, low=low, high=high)


def _prior_scale(name: str, first: SeriesPoint) -> float:
    """How much the runs of a series plausibly differ before any was seen, by its first run."""
    median_s = float(first.values[list(BASELINE_METRICS).index("p50_s")])
    return plausible_scale(name, first.requests, None if np.isnan(median_s) else median_s)
