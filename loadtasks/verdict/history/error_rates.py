"""Detection of changes of error rates, run by run, in many series that share one false-alarm budget.

A success rate near 1 has no scale from run to run that response times have: most runs have no error at all, so what
counts is how many requests failed of how many. The methods are those of `Detector`, and so are the states; replay.py
combines both. What differs: evidence is exact for counts (`loadtasks.verdict.history.rate_evidence`), so that a change
beyond doubt is found from the second comparable run on, whatever is known of the series.

`python -m benchmarks.verdict.error_rates` simulates false alarms, and what is found.
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS, MAX_REPETITIONS, MIN_BASELINE_RUNS, Values
from loadtasks.verdict.history.dismissals import Dismissals
from loadtasks.verdict.history.failure_counts import Counts, FailureCounts
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.rate_change import (
    MAX_RUNS_SINCE_CHANGE,
    CountedRun,
    RateChange,
    RateRecovery,
    fold,
    is_reportable,
    locate_rate_change,
)
from loadtasks.verdict.history.rate_evidence import RateEvidence
from loadtasks.verdict.history.series_judgement import DetectorState, Judgement

_MARGIN = 0.5
"""Log odds that a threshold is above what theory has it, which holds in the mean over the prior and not for each single
series. `benchmarks.verdict.error_rates` simulates the false alarms with this number."""
_REPETITION_MARGIN = 3.5
"""A run whose log odds come this near to the threshold is repeated: about what three repetitions can add ..."""
_LIKELY = 0.5
"""... and so is one that has met a burst with a higher probability, unless it is a regression: its repetitions tell."""
_SUSPECTED_MARGIN = 1.5
"""A run whose log odds, after its repetitions, come this near to the threshold is reported as suspected."""
_TRIAL_RUNS = 10
"""A gain that is lost so soon after it was found was none: its loss is not reported, and the old baseline goes
on."""
_DISMISSAL_STEP = 1.0
"""What a dismissal adds to a series' threshold, in log odds."""
_NORMAL = Judgement(DetectorState.NORMAL)
_LEARNING = [Judgement(DetectorState.LEARNING, missing_runs=missing) for missing in range(MIN_BASELINE_RUNS + 1)]
"""By the runs that are missing; most series of most runs share these."""


class _Trial(NamedTuple):
    """A gain that was found lately."""

    before: list[CountedRun]
    """The baseline before it."""
    gain: RateChange
    until: int
    """The last run in which its loss shows that it was none."""

    def is_worse(self, loss: RateChange) -> bool:
        """Whether more requests fail than even before the gain."""
        return is_reportable(self.gain.errors.rate_before, loss.errors.rate) and loss.errors.rate > (
            self.gain.errors.rate_before
        )


class ErrorRateDetector:
    """Series of error counts that are judged together, each run once, in order."""

    def __init__(self, shares: Sequence[float], budget: FalseAlarmBudget, accept_improvements: bool = True) -> None:
        """Begin without any run.

        Args:
            shares: The share of each series in the false-alarm budget.
            budget: The false-alarm budget of the whole family.
            accept_improvements: Whether a fallen error rate is the baseline at once; otherwise it stays open until it
                is accepted.
        """
        series = len(shares)
        self._kernel = FailureCounts()
        self._threshold = np.array([math.log(budget.runs_per_false_alarm / share) for share in shares]) + _MARGIN
        self._dismissals = Dismissals(series)
        self._accept_improvements = accept_improvements
        self._evidence = self._before = RateEvidence.before_any_run(series)
        self._is_weighed = True
        self._history: list[Counts] = []
        self._runs: list[deque[int]] = [deque(maxlen=MAX_BASELINE_RUNS + MAX_RUNS_SINCE_CHANGE) for _ in shares]
        self._seen = np.zeros(series, dtype=np.int64)
        self._open: dict[int, RateRecovery] = {}
        self._restarted: set[int] = set()
        self._trials: dict[int, _Trial] = {}
        self._settled = np.full(series, -1)
        self._run = -1
        self._repetitions = 0
        self._newest: Counts = np.zeros((series, MAX_REPETITIONS, 2), dtype=np.int64)

    def observe(self, counts: Counts) -> list[Judgement]:
        """Judge the next run by its counts; shape: series x 2. No requests: there is no valid measurement."""
        self.begin_run(counts)
        return self.judge()

    def begin_run(self, counts: Counts) -> None:
        """Begin the next run with each series' first measurement; shape: series x 2."""
        self._close_run()
        self._run += 1
        self._dismissals.begin_run()
        self._newest = np.zeros_like(self._newest)
        self._newest[:, 0] = counts
        self._history.append(self._newest)
        self._restarted.clear()
        self._repetitions = 1
        self._seen += counts[:, 1] > 0
        self._is_weighed = False

    def add_repetition(self, counts: Counts) -> None:
        """Add a repetition to the run that has begun; shape: series x 2, without requests where there is none."""
        if self._repetitions < MAX_REPETITIONS:
            self._newest[:, self._repetitions] = np.where(self._newest[:, 0, 1:] > 0, counts, 0)
            self._repetitions += 1
            self._is_weighed = False

    def repetitions_due(self) -> list[RepetitionReason | None]:
        """For each series, why it should be repeated in the run that has begun; None where it should not."""
        evidence = self._weigh()
        due = (evidence.worse > self._thresholds() - _REPETITION_MARGIN) | (evidence.burst > _LIKELY)
        due &= self._is_valid() & (self._newest[:, -1, 1] == 0) & self._adds_evidence() & self._goes_on()
        return [RepetitionReason.SUSPECT if repeated else None for repeated in due.tolist()]

    def judge(self) -> list[Judgement]:
        """Judge the run that has begun, by all of its repetitions. Log odds far below the threshold are left out."""
        evidence, thresholds = self._weigh(), self._thresholds()
        worse, better = evidence.worse - thresholds, evidence.better - thresholds
        judged = [
            _NORMAL if seen >= MIN_BASELINE_RUNS else _LEARNING[max(MIN_BASELINE_RUNS - seen, 1)]
            for seen in self._seen.tolist()
        ]
        suspected = (worse > -_SUSPECTED_MARGIN) & self._adds_evidence()
        notable = suspected | (better > 0)
        notable[list(self._open)] = True
        for row in np.flatnonzero(notable).tolist():
            if row in self._open:
                judged[row] = self._still_open(row)
            elif suspected[row]:
                judged[row] = self._worse(row, float(worse[row]))
            elif self._newest[row, 0, 1]:
                judged[row] = self._better(row, judged[row])
        return judged

    def dismiss(self, row: int) -> None:
        """An open change was a false alarm: its runs join the baseline, which must show more before the next one."""
        recovery = self._open.pop(row)
        self._restart(row, [*recovery.before, *recovery.since])
        self._dismissals.add(row, _DISMISSAL_STEP)

    def accept(self, row: int) -> None:
        """An open change is the new baseline, from its first run on."""
        self._trials.pop(row, None)
        self._restart(row, self._open.pop(row).since)

    def change(self, row: int) -> RateChange:
        """An open change, its size estimated from all runs since."""
        return self._open[row].change

    def threshold_raised(self, row: int) -> float:
        """By how much dismissals have raised the threshold of a series, in log odds."""
        return float(self._dismissals.raised[row])

    def _adds_evidence(self) -> NDArray[np.bool_]:
        """Whether the newest run of each series looks worse, so that it adds to what those before it have shown."""
        more: NDArray[np.bool_] = self._weigh().worse > self._before.worse
        return more

    def _goes_on(self) -> NDArray[np.bool_]:
        """Whether the last repetition of each series failed at least a quarter as often as the first measurement."""
        number = np.maximum((self._newest[:, :, 1] > 0).sum(axis=1) - 1, 0)
        first, last = self._newest[:, 0], self._newest[np.arange(len(number)), number]
        alike: NDArray[np.bool_] = 4 * last[:, 0] * first[:, 1] >= first[:, 0] * last[:, 1]
        return alike

    def _thresholds(self) -> Values:
        thresholds: Values = self._threshold + self._dismissals.raised
        return thresholds

    def _close_run(self) -> None:
        """Keep the run that has ended."""
        self._before = self._weigh()
        for row in np.flatnonzero(self._is_valid()).tolist():
            self._runs[row].append(self._run)

    def _weigh(self) -> RateEvidence:
        """The evidence with the run that has begun."""
        if not self._is_weighed:
            likelihoods = self._kernel.likelihoods(self._newest)
            self._evidence, self._is_weighed = self._before.after(likelihoods, self._is_valid()), True
        return self._evidence

    def _restart(self, row: int, runs: Sequence[CountedRun]) -> None:
        """Begin the evidence of one series anew with these runs as its baseline, the one that has begun among them."""
        kept = runs[-MAX_BASELINE_RUNS:]
        self._runs[row].clear()
        self._runs[row].extend(run.number for run in kept)
        self._evidence = self._evidence.replaced(row, fold(kept, self._kernel).without_shifts())
        self._restarted.add(row)
        self._settled[row] = self._run

    def _is_valid(self) -> NDArray[np.bool_]:
        """Whether each series has a valid measurement in the run that has begun which is not yet among its runs."""
        valid: NDArray[np.bool_] = self._newest[:, 0, 1] > 0
        valid[[*self._open, *self._restarted]] = False
        return valid

    def _known_runs(self, row: int) -> list[CountedRun]:
        """The baseline with the run that has begun."""
        return [self._counted(row, number) for number in (*self._runs[row], self._run)]

    def _counted(self, row: int, number: int) -> CountedRun:
        return CountedRun(number, self._history[number][row])

    def _located(self, row: int, runs: Sequence[CountedRun], worse: bool) -> RateChange:
        share = float(self._weigh().burst_share[row])
        return locate_rate_change(runs, self._kernel, share, worse, after=int(self._settled[row]))

    def _worse(self, row: int, log_odds: float) -> Judgement:
        if log_odds <= 0:
            return Judgement(DetectorState.SUSPECTED, log_odds=log_odds)
        runs = self._known_runs(row)
        change = self._located(row, runs, worse=True)
        if not change.reportable or change.size >= 0:
            return Judgement(DetectorState.SUSPECTED, log_odds=log_odds, change=change)
        trial = self._trials.pop(row, None)
        if trial is not None and self._run <= trial.until and not trial.is_worse(change):
            self._restart(row, [*trial.before, *runs])
            return Judgement(DetectorState.NORMAL, change=trial.gain, recovered=True)
        self._open[row] = RateRecovery(change, *_parted(runs, change), self._kernel)
        return Judgement(DetectorState.REGRESSED, log_odds=log_odds, change=change, raised=True)

    def _better(self, row: int, otherwise: Judgement) -> Judgement:
        runs = self._known_runs(row)
        change = self._located(row, runs, worse=False)
        if not change.reportable or change.size <= 0:
            return otherwise
        before, since = _parted(runs, change)
        if self._accept_improvements:
            self._restart(row, since)
            self._trials[row] = _Trial(before, change, self._run + _TRIAL_RUNS)
        else:
            self._open[row] = RateRecovery(change, before, since, self._kernel)
        return Judgement(DetectorState.IMPROVED, change=change, raised=True)

    def _still_open(self, row: int) -> Judgement:
        recovery = self._open[row]
        state = DetectorState.REGRESSED if recovery.worse else DetectorState.IMPROVED
        if not self._newest[row, 0, 1]:
            return Judgement(state, change=recovery.raised)
        run = self._counted(row, self._run)
        if recovery.observe(run):
            del self._open[row]
            self._restart(row, [*recovery.before, *recovery.recovered_runs()])
            return Judgement(DetectorState.NORMAL, change=recovery.raised, recovered=True)
        if recovery.is_back(run):
            state = DetectorState.RECOVERING if recovery.worse else DetectorState.NORMAL
        return Judgement(state, change=recovery.raised)


def _parted(runs: Sequence[CountedRun], change: RateChange) -> tuple[list[CountedRun], list[CountedRun]]:
    """The runs before a change, and those since."""
    return [run for run in runs if run.number < change.first], [run for run in runs if run.number >= change.first]
