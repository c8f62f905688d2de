"""Regressions that nobody answers: accepted automatically after some runs, so that their series can be judged again."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from loadtasks.results.regression import Regression, RegressionState
from loadtasks.results.series import MetricSeries


class RunNumber(NamedTuple):
    """One of the runs of a replay, whose number is its place among them."""

    sequence: int
    run_id: str


class Acceptances(Protocol):
    """Decides in which runs of a replay the open changes of a series are accepted. Series go by their number in it."""

    def found(self, series: int, run: int) -> None:
        """A change for the worse was found in a run."""

    def ended(self, series: int) -> None:
        """No change for the worse is open any more."""

    def due(self, run: int, is_shown: Callable[[int], bool]) -> Sequence[int]:
        """The series whose open changes are accepted with a run. `is_shown`: whether the run shows a series' change."""


class RecordedAcceptances:
    """What was accepted automatically, as the states of regressions say."""

    def __init__(self, known: Sequence[Regression], series: Sequence[MetricSeries], runs: Sequence[RunNumber]) -> None:
        """Read the states of regressions.

        Args:
            known: The regressions, as they stood before the newest run.
            series: The series of the replay.
            runs: The runs of the replay, oldest first.
        """
        self._due: dict[int, list[int]] = {}
        numbers = {run.run_id: number for number, run in enumerate(runs)}
        for regression in known:
            run_id = regression.accepted_automatically_in
            if run_id is None:
                continue
            before = sum(run.sequence <= regression.moves[-1].sequence for run in runs)
            number = numbers.get(run_id, before - 1)  # it may be gone, or no longer valid
            key = (regression.scenario, regression.part)
            ours = (place for place, one in enumerate(series) if (one.scenario, one.part) == key)
            self._due.setdefault(number, []).extend(ours)

    def found(self, series: int, run: int) -> None:
        """A change for the worse was found in a run: what follows is known."""

    def ended(self, series: int) -> None:
        """No change for the worse is open any more: what follows is known."""

    def due(self, run: int, is_shown: Callable[[int], bool]) -> Sequence[int]:
        """The series whose open changes were accepted with a run."""
        return self._due.get(run, ())


class SimulatedAcceptances:
    """What would have been accepted automatically if changes had been found that were not, or at other times."""

    def __init__(
        self, known: Sequence[Regression], series: Sequence[MetricSeries], runs: Sequence[RunNumber], limit: int
    ) -> None:
        """Begin before the first run.

        Args:
            known: The regressions, with what people did about them: what they answered is not accepted.
            series: The series of the replay.
            runs: The runs of the replay, oldest first.
            limit: After how many runs without an answer a change is accepted; 0: never.
        """
        numbers = {run.run_id: number for number, run in enumerate(runs)}
        self._limit = limit
        self._measured = [[numbers[point.run_id] for point in one.points] for one in series]
        self._answered = [
            [
                range(numbers[regression.first_run], _end(regression, runs))
                for regression in known
                if (regression.scenario, regression.part) == (one.scenario, one.part)
                and regression.is_answered
                and regression.first_run in numbers
            ]
            for one in series
        ]
        self._found: dict[int, int] = {}

    def found(self, series: int, run: int) -> None:
        """A change for the worse was found in a run."""
        self._found.setdefault(series, run)

    def ended(self, series: int) -> None:
        """No change for the worse is open any more."""
        self._found.pop(series, None)

    def due(self, run: int, is_shown: Callable[[int], bool]) -> Sequence[int]:
        """The series whose open changes are accepted with a run. `is_shown`: whether the run shows a series' change."""
        return [
            series
            for series, found in self._found.items()
            if self._limit
            and not any(found in answered or run in answered for answered in self._answered[series])
            and sum(found < number <= run for number in self._measured[series]) >= self._limit
            and is_shown(series)
        ]


def _end(regression: Regression, runs: Sequence[RunNumber]) -> int:
    """The number of the first run after a regression; that after all runs where it has not ended."""
    if not regression.state.ended:
        return len(runs)
    return sum(run.sequence <= regression.moves[-1].sequence for run in runs)


def is_unanswered(regression: Regression, series: MetricSeries, runs: int) -> bool:
    """Whether nobody has answered a regression for so many runs; 0: never.

    Args:
        regression: A regression that has not ended.
        series: The comparable runs of its scenario and part, the newest last.
        runs: How many runs that measured the scenario after the one that found the regression.
    """
    if not runs or regression.state is not RegressionState.OPEN or regression.is_answered:
        return False
    found = next((point.sequence for point in series.points if point.run_id == regression.found_run), None)
    since = regression.moves[0].sequence if found is None else found
    return sum(point.sequence > since for point in series.points) >= runs
