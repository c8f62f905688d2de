"""All series of a family judged together: error rates by counts, all other metrics by their values."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history.baselines import Values
from loadtasks.verdict.history.change_point import ChangePoint
from loadtasks.verdict.history.detector import Detector
from loadtasks.verdict.history.error_rates import ErrorRateDetector
from loadtasks.verdict.history.failure_counts import Counts
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.series_judgement import DetectorState, Judgement
from loadtasks.verdict.history.series_settings import SeriesSettings

COUNTED = "success_rate"
"""The metric that is judged by counts."""
_NAMES = list(BASELINE_METRICS)
_PLACE = _NAMES.index(COUNTED)
_T = TypeVar("_T")


class FamilyDetector:
    """A `Detector` and an `ErrorRateDetector` as one, whose rows are the `BASELINE_METRICS` of each series in turn."""

    def __init__(
        self, rows: Sequence[SeriesSettings], budget: FalseAlarmBudget, accept_improvements: bool = True
    ) -> None:
        """Begin without any run.

        Args:
            rows: How each metric of each series is judged; of the one that is judged by counts only its share matters.
            budget: The false-alarm budget of all of them.
            accept_improvements: Whether an improvement becomes the baseline by itself.
        """
        self._rows = len(rows)
        self._valued = np.flatnonzero(np.arange(self._rows) % len(_NAMES) != _PLACE)
        self._values = Detector([rows[row] for row in self._valued.tolist()], budget, accept_improvements)
        self._errors = ErrorRateDetector(
            [settings.share for settings in rows[_PLACE :: len(_NAMES)]], budget, accept_improvements
        )
        self._of_errors: list[Judgement] = []

    def begin_run(self, values: Values, counts: Counts) -> None:
        """Begin the next run with each series' first measurement.

        Args:
            values: nan where there is no valid one; shape: rows.
            counts: How many requests failed, and of how many; shape: series x 2.
        """
        self._values.begin_run(values[self._valued])
        self._errors.begin_run(counts)

    def add_repetition(self, values: Values, counts: Counts) -> None:
        """Add a repetition to the run that has begun; nan, and no requests, for a series that was not repeated."""
        self._values.add_repetition(values[self._valued])
        self._errors.add_repetition(counts)

    def repetitions_due(self) -> list[RepetitionReason | None]:
        """For each row, why its scenario should be repeated in the run that has begun; None where it should not."""
        return self._merged(self._values.repetitions_due(), self._errors.repetitions_due())

    def smallest_shifts(self) -> Values:
        """For each row, the smallest shift for the worse that the run could show beyond doubt; nan of error rates."""
        smallest = np.full(self._rows, np.nan)
        smallest[self._valued] = self._values.smallest_shifts()
        return smallest

    def judge_changes(self) -> dict[int, Judgement]:
        """The judgements of the run that has begun, of those rows that have changed or look as if they had."""
        self._of_errors = self._errors.judge()
        changes = {int(self._valued[row]): judged for row, judged in self._values.judge_changes().items()}
        calm = (DetectorState.NORMAL, DetectorState.LEARNING)
        for series, judged in enumerate(self._of_errors):
            if judged.raised or judged.recovered or judged.state not in calm:
                changes[series * len(_NAMES) + _PLACE] = judged
        return changes

    def all_judgements(self, changes: Mapping[int, Judgement]) -> list[Judgement]:
        """The judgements of all rows. `changes`: those of the run that was just judged."""
        places = {int(row): place for place, row in enumerate(self._valued)}
        of_values = {places[row]: judged for row, judged in changes.items() if row in places}
        return self._merged(self._values.all_judgements(of_values), self._of_errors)

    def accept(self, row: int) -> None:
        """An open change is the new baseline, from its first run on."""
        detector, own = self._of(row)
        detector.accept(own)

    def dismiss(self, row: int) -> None:
        """An open change was a false alarm: its runs join the baseline, and evidence is collected anew."""
        detector, own = self._of(row)
        detector.dismiss(own)

    def change(self, row: int) -> ChangePoint:
        """An open change, its size estimated from all runs since."""
        detector, own = self._of(row)
        return detector.change(own)

    def threshold_raised(self, row: int) -> float:
        """By how much dismissals have raised a row's threshold, in log odds."""
        detector, own = self._of(row)
        return detector.threshold_raised(own)

    def _of(self, row: int) -> tuple[Detector | ErrorRateDetector, int]:
        """The detector that judges a row, and its own number there."""
        series, metric = divmod(row, len(_NAMES))
        if metric == _PLACE:
            return self._errors, series
        return self._values, row - series - (metric > _PLACE)

    def _merged(self, of_values: list[_T], of_errors: list[_T]) -> list[_T]:
        """What both detectors say, a row each."""
        merged = of_errors * len(_NAMES)  # of the right length
        others = iter(range(len(_NAMES) - 1))
        for metric in range(len(_NAMES)):
            part = of_errors if metric == _PLACE else of_values[next(others) :: len(_NAMES) - 1]
            merged[metric :: len(_NAMES)] = part
        return merged
