"""Detection of changes, run by run, in many series that share one false-alarm budget.

A run that looks worse than the baseline is repeated, up to three times, before an alarm is raised. While the baseline
of a series is still too short, each run is repeated once, which shows how much repetitions of one run differ. A
regression stays open until it is accepted (it becomes the baseline), dismissed (a false alarm: the baseline stands,
evidence is collected anew, and the series' threshold rises for a while) or has recovered by itself; until then it
isn't raised again. An improvement is the baseline at once, so that its loss is a regression; one that is lost within
its first runs was none, and the baseline before it stands.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history import evidence
from loadtasks.verdict.history.baselines import (
    MAX_BASELINE_RUNS,
    MAX_REPETITIONS,
    MAX_RUNS_SINCE_CHANGE,
    Baselines,
    Segment,
    Values,
)
from loadtasks.verdict.history.change_point import ChangePoint, locate_change
from loadtasks.verdict.history.estimates import Estimates, estimate
from loadtasks.verdict.history.evidence import Evidence
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.peers import Peers
from loadtasks.verdict.history.persistence import persistence
from loadtasks.verdict.history.plausibility import (
    Noise,
    Plausibility,
    least_plausibility,
    noise_before,
    smallest_shift,
    weigh_newest,
)
from loadtasks.verdict.history.recovery import Recovery, SeriesUnits
from loadtasks.verdict.history.score_excess import ScoreExcess
from loadtasks.verdict.history.series_judgement import DetectorState, Judgement
from loadtasks.verdict.history.series_settings import SeriesSettings
from loadtasks.verdict.history.thresholds import SeriesThresholds

_RUNS_WITHOUT_REPETITION = 2
"""The first runs of a series are not repeated: a pipeline that is only tried out takes no longer than it must."""
_TRIAL_RUNS = 10
"""An improvement that is lost within this many runs was none."""
_MIN_GAIN_THRESHOLD = 5.0
"""The least log odds of an improvement: it replaces the baseline, which a few lucky runs must not do. A small budget of
false alarms is beyond that anyway."""
_SHIFT_SCORE = 3.0
"""Where a score is beyond this one, level and scale are estimated again without the shift that it shows."""
_REPETITION_MARGIN = 2.0
"""A run whose log odds come this near to the threshold is repeated. A wider margin finds regressions sooner and repeats
more runs; the thresholds of `false_alarm_budget` are simulated with this number."""
_YOUNG_SHARE = 1.4
"""How many times its part of the budget a run of a young baseline may take to be found implausible. The metrics of a
scenario move together, and that probability is an upper bound: `benchmarks.verdict.young_baselines` simulates fewer
false claims than the budget allows."""
_MATURE_SHARE = 0.3
"""What a run that is found implausible may take of the budget once the evidence of a whole baseline is judged too."""
_INTRACLASS_ERROR = 0.2
"""About the standard error of an intraclass correlation from the eleven pairs of a whole baseline. Only what an
estimate exceeds it by shows that disturbances last; the few pairs of a young baseline show nothing."""
_REPETITION_FACTOR = 10.0
"""A run is repeated if its repetitions, being like it, would be implausible even by a tenth of what is required."""
_PLAUSIBLE_SCALES, _MAX_IMPLAUSIBILITY = 0.5, 0.02
"""A first measurement that is less than half a scale above the level is plausible wherever the probability below which
a run is implausible is at most this: the normal distribution has 31 % beyond half a scale."""
_SUSPECTED_MARGIN = 0.75
"""A run whose log odds, after its repetitions, come this near to the threshold is reported as suspected: roughly one
more such run would raise an alarm. It changes no verdict."""


class Detector:
    """Series that are judged together, each run once, in order."""

    def __init__(
        self, series: Sequence[SeriesSettings], budget: FalseAlarmBudget, accept_improvements: bool = True
    ) -> None:
        """Begin without any run.

        Args:
            series: The settings of each series.
            budget: The false-alarm budget of all of them.
            accept_improvements: Whether an improvement becomes the baseline once it has lasted; otherwise it stays open
                until it is accepted.
        """
        self._sign = np.array([1.0 if settings.worse_up else -1.0 for settings in series])
        self._min_effect = np.array([settings.min_effect for settings in series])
        self._thresholds = SeriesThresholds(
            *(np.array([budget.threshold(settings.share, alike) for settings in series]) for alike in (False, True))
        )
        self._excess = ScoreExcess(len(series))
        self._peers = Peers([settings.peers for settings in series])
        self._false_alarms = np.array([settings.share for settings in series]) / budget.runs_per_false_alarm
        prior_scale = np.array([settings.prior_scale for settings in series])
        self._baselines = Baselines(self._min_effect / 4, prior_scale)
        self._runs_since_reset = np.full(len(series), MAX_BASELINE_RUNS)
        self._open: dict[int, Recovery] = {}
        self._trials: dict[int, Recovery] = {}
        """Improvements that have just become the baseline."""
        self._accept_improvements = accept_improvements
        self._run = -1
        self._first: Values = np.full(len(series), np.nan)
        self._weighed: Evidence | None = None
        self._estimates: Estimates | None = None
        self._lasting: Values = np.empty(0)
        """The probability that a repetition meets the disturbance of the one before it."""
        self._worse_odds: Values = np.full(len(series), -np.inf)
        """The log odds of a change for the worse in the run that was judged, above the thresholds where positive."""

    def observe(self, values: Values) -> list[Judgement]:
        """Judge the next run by its values, an item a series; nan where there is no valid one."""
        self.begin_run(values)
        return self.judge()

    def begin_run(self, values: Values) -> None:
        """Begin the next run with each series' first measurement; nan where there is no valid one."""
        self._run += 1
        self._first = values * self._sign
        self._baselines.add_run(self._run, self._without_open(self._first))
        valid = ~np.isnan(self._first)
        self._thresholds.begin_run(valid)
        self._runs_since_reset = np.minimum(self._runs_since_reset + valid, MAX_BASELINE_RUNS)
        self._estimates = self._weighed = None

    def add_repetition(self, values: Values) -> None:
        """Add a repetition to the run that has begun; nan for a series that was not repeated."""
        begun = np.where(np.isnan(self._first), np.nan, values * self._sign)
        self._baselines.add_repetition(self._without_open(begun))
        self._estimates = self._weighed = None

    def repetitions_due(self) -> list[RepetitionReason | None]:
        """For each series, why it should be repeated in the run that has begun; None where it should not."""
        runs, repetitions = self._baselines.count, self._baselines.newest_repetitions
        rise, _ = self._evidence().log_odds(self._runs_since_reset, self._excess.factor)
        worse = rise - self._threshold_values()
        suspected = (runs >= self._baselines.min_runs) & (worse > -_REPETITION_MARGIN)
        suspected = (suspected | self._is_suspicious()) & (repetitions < MAX_REPETITIONS)
        learning = (runs > _RUNS_WITHOUT_REPETITION) & (runs < self._baselines.min_runs) & (repetitions == 1)
        skipped = np.isnan(self._without_open(self._first))
        choice = np.select([skipped, suspected, learning], [0, 1, 2])
        return [(None, RepetitionReason.SUSPECT, RepetitionReason.LEARNING)[chosen] for chosen in choice]

    def judge(self) -> list[Judgement]:
        """Judge the run that has begun, by all of its repetitions; an item a series."""
        return self.all_judgements(self.judge_changes())

    def all_judgements(self, changes: Mapping[int, Judgement]) -> list[Judgement]:
        """The judgements of all series. `changes`: those of the run that was just judged."""
        missing = self._baselines.min_runs - self._baselines.count
        judged = []
        for row, log_odds in enumerate(self._worse_odds.tolist()):
            if row in changes:
                judged.append(changes[row])
            elif missing[row] > 0:
                judged.append(Judgement(DetectorState.LEARNING, missing_runs=int(missing[row])))
            else:
                judged.append(Judgement(DetectorState.NORMAL, log_odds=log_odds))
        return judged

    def judge_changes(self) -> dict[int, Judgement]:
        """The judgements of the run that has begun, of those series that have changed or look as if they had."""
        weighed, thresholds = self._evidence(), self._threshold_values()
        valid, runs, min_runs = ~np.isnan(self._first), self._baselines.count, self._baselines.min_runs
        implausible = self._is_implausible()
        of_gains = np.maximum(thresholds, _MIN_GAIN_THRESHOLD)
        rise, fall = weighed.log_odds(self._runs_since_reset, self._excess.factor)
        worse, better = rise - thresholds, fall - of_gains
        self._worse_odds = worse
        self._thresholds.learn(np.maximum(rise, fall), valid)
        self._excess.learn(weighed.score, valid)
        noteworthy = valid & (implausible | ((runs >= min_runs) & ((worse > -_SUSPECTED_MARGIN) | (better > 0))))
        judged = {}
        for row in sorted({*np.flatnonzero(noteworthy).tolist(), *self._open, *self._trials}):
            if row in self._trials and valid[row] and self._is_withdrawn(row):
                judged[row] = Judgement(DetectorState.NORMAL, recovered=True)
            elif row in self._open:
                judged[row] = self._still_open(row, float(self._first[row]))
            elif valid[row] and implausible[row]:
                judged[row] = self._beyond_doubt(row, float(worse[row]))
            elif noteworthy[row] and worse[row] > 0:
                judged[row] = self._worse(row, float(worse[row]))
            elif noteworthy[row] and better[row] > 0:
                judged[row] = self._better(row, float(worse[row]))
            elif noteworthy[row]:
                judged[row] = self._no_change(float(worse[row]))
        return judged

    def threshold_raised(self, row: int) -> float:
        """How much more log odds a change needs than it would without dismissed alarms."""
        return float(self._thresholds.raised[row])

    def smallest_shifts(self) -> Values:
        """For each series, the smallest shift for the worse that the run that has begun could show beyond doubt.

        In units of the values; nan where there is no earlier run.
        """
        smallest = smallest_shift(self._noise(np.arange(len(self._first))), self._implausibility())
        return np.where(self._baselines.count > 1, smallest, np.nan)

    def dismiss(self, row: int) -> None:
        """An open change was a false alarm: its runs join the baseline, and evidence is collected anew."""
        recovery = self._open.pop(row)
        self._baselines.extend(row, recovery.runs())
        self._thresholds.dismiss(row)
        self._reset_evidence(row)

    def change(self, row: int) -> ChangePoint:
        """An open change, its size estimated from all runs since."""
        return self._open[row].change

    def accept(self, row: int) -> None:
        """An open change is the new baseline, from its first run on."""
        self._begin_baseline(row, self._open.pop(row).runs())

    def _without_open(self, signed: Values) -> Values:
        """The values of the series without an open change; nan for the others."""
        closed = signed.copy()
        closed[list(self._open)] = np.nan
        return closed

    def _is_young(self) -> NDArray[np.bool_]:
        """Whether the baseline of each series was too short before the newest run."""
        return self._baselines.count <= self._baselines.min_runs

    def _estimated(self) -> Estimates:
        if self._estimates is None:
            self._estimates = estimate(self._baselines, self._peers)
            self._lasting = persistence(self._baselines, self._estimates, self._peers)
        return self._estimates

    def _evidence(self) -> Evidence:
        if self._weighed is None:
            estimates, lasting = self._estimated(), self._lasting
            self._weighed = evidence.weigh(self._baselines, estimates, lasting)
            scores = np.abs(self._weighed.score) / self._excess.factor
            np.copyto(scores, 0.0, where=np.isnan(scores))
            rows = np.flatnonzero(scores.max(axis=1) > _SHIFT_SCORE)
            if len(rows):
                some = self._baselines.of(rows)
                shifted, expected = scores[rows].argmax(axis=1) + 1, estimates.expected_autocorrelation[rows]
                without = estimate(some, shifted=shifted, expected_autocorrelation=expected)
                self._weighed.replace(rows, evidence.weigh(some, without, lasting[rows]))
                estimates.replace(rows, without)
        return self._weighed

    def _threshold_values(self) -> Values:
        return self._thresholds.at(self._estimated().intraclass)

    def _implausibility(self) -> Values:
        """The probability below which a run is implausible."""
        return self._false_alarms * np.where(self._is_young(), _YOUNG_SHARE, _MATURE_SHARE)

    def _is_implausible(self) -> NDArray[np.bool_]:
        """Whether the newest run of each series is implausible."""
        limits = self._implausibility()
        rows = self._rows_above(limits)
        rows = rows[~(least_plausibility(self._baselines, rows).probability > limits[rows])]
        return self._marked(rows[self._plausibility(rows).probability <= limits[rows]])

    def _is_suspicious(self) -> NDArray[np.bool_]:
        """Whether the newest run of each series would be implausible enough if its repetitions were like it."""
        limits = self._implausibility()
        rows, limits = self._rows_above(limits), _REPETITION_FACTOR * limits
        rows = rows[~(least_plausibility(self._baselines, rows).suspicion > limits[rows])]
        return self._marked(rows[self._plausibility(rows).suspicion <= limits[rows]])

    def _rows_above(self, limits: Values) -> NDArray[np.int64]:
        """The series whose newest run is so far above the level that it may be implausible: below these limits."""
        estimates = self._estimated()
        above = self._baselines.first_values[:, -1] - estimates.level > _PLAUSIBLE_SCALES * estimates.scale
        return np.flatnonzero(above | (limits > _MAX_IMPLAUSIBILITY))

    def _plausibility(self, rows: NDArray[np.int64]) -> Plausibility:
        if not len(rows):
            return Plausibility(np.empty(0), np.empty(0))
        return weigh_newest(self._baselines.of(rows), self._noise(rows))

    def _marked(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """True for these series, False for the others."""
        marked = np.zeros(len(self._first), dtype=np.bool_)
        marked[rows] = True
        return marked

    def _noise(self, rows: NDArray[np.int64]) -> Noise:
        correlation = self._estimated().intraclass - _INTRACLASS_ERROR
        known = np.where(self._is_young(), self._lasting, np.maximum(correlation, self._lasting))
        return noise_before(self._baselines.of(rows), known[rows])

    def _candidates(self, row: int) -> NDArray[np.bool_]:
        """Whether each of a series' newest runs may be the first of a shift, the newest run first."""
        candidates: NDArray[np.bool_] = self._evidence().candidates(self._runs_since_reset)[row]
        return candidates

    def _open_change(self, row: int, change: ChangePoint, lasted: int, worse: bool) -> None:
        self._excess.forget_newest(row)
        self._thresholds.forget_newest(row)
        self._trials.pop(row, None)
        since = self._baselines.take(row, lasted)
        units = SeriesUnits(float(self._sign[row]), self._baselines.bounds(row))
        self._open[row] = Recovery(change, self._baselines.segment(row), since, units, worse)

    def _beyond_doubt(self, row: int, worse: float) -> Judgement:
        """A change that its first run shows beyond doubt, and that may have begun with a run before it."""
        known = self._baselines.count[row] >= self._baselines.min_runs[row]
        begun = self._candidates(row) if known else np.arange(MAX_RUNS_SINCE_CHANGE) == 0
        change = locate_change(self._baselines, row, begun, float(self._sign[row]))
        self._open_change(row, change, change.lasted, worse=True)
        return Judgement(DetectorState.REGRESSED, log_odds=worse, change=change, raised=True)

    def _worse(self, row: int, worse: float) -> Judgement:
        change = locate_change(self._baselines, row, self._candidates(row), float(self._sign[row]))
        if self._sign[row] * change.size < self._min_effect[row]:
            return Judgement(DetectorState.SUSPECTED, log_odds=worse, change=change)
        self._open_change(row, change, change.lasted, worse=True)
        return Judgement(DetectorState.REGRESSED, log_odds=worse, change=change, raised=True)

    def _better(self, row: int, worse: float) -> Judgement:
        change = locate_change(self._baselines, row, self._candidates(row), float(self._sign[row]), direction=-1.0)
        if -self._sign[row] * change.size < self._min_effect[row]:
            return self._no_change(worse)
        self._open_change(row, change, change.lasted, worse=False)
        if self._accept_improvements:
            trial = self._open.pop(row)
            self._begin_baseline(row, trial.runs())
            self._trials[row] = trial
        return Judgement(DetectorState.IMPROVED, log_odds=worse, change=change, raised=True)

    def _no_change(self, worse: float) -> Judgement:
        return Judgement(
            DetectorState.SUSPECTED if worse > -_SUSPECTED_MARGIN else DetectorState.NORMAL, log_odds=worse
        )

    def _begin_baseline(self, row: int, runs: Segment) -> None:
        """Begin the baseline of a series anew at a confirmed change; its noise before that is remembered."""
        estimates = self._estimated()
        innovation = self._evidence().innovation[row]
        self._baselines.begin_at_change(row, runs, float(estimates.scale[row]), float(innovation))
        self._reset_evidence(row)

    def _is_withdrawn(self, row: int) -> bool:
        """Whether an improvement that has just become the baseline is lost; then the baseline before it stands."""
        trial = self._trials[row]
        lost = trial.observe(self._run, float(self._first[row]))
        if lost:
            self._baselines.restart(row, trial.before() + trial.recovered_runs())
            self._reset_evidence(row)
        if lost or len(trial.runs()) > _TRIAL_RUNS:
            del self._trials[row]
        return lost

    def _reset_evidence(self, row: int) -> None:
        self._runs_since_reset[row] = 0

    def _still_open(self, row: int, value: float) -> Judgement:
        recovery = self._open[row]
        if not np.isnan(value) and recovery.observe(self._run, value):
            del self._open[row]
            self._baselines.extend(row, recovery.recovered_runs())
            self._reset_evidence(row)
            return Judgement(DetectorState.NORMAL, change=recovery.raised, recovered=True)
        if not recovery.is_back(value):
            state = DetectorState.REGRESSED if recovery.worse else DetectorState.IMPROVED
        else:
            state = DetectorState.RECOVERING if recovery.worse else DetectorState.NORMAL
        return Judgement(state, change=recovery.raised)
