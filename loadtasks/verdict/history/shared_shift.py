"""A shift of most scenarios at once, which no control shares: one regression to people, however many series show it.

Each scenario keeps a regression of its own, since each recovers by itself and has a baseline of its own. Those that
began together, by about as much, while most scenarios shifted, belong together: they are listed, mailed and decided
about as one. A scenario whose evidence comes a few runs later joins them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from loadtasks.measurement.metrics import METRICS, Unit
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.verdict.history.comparison import BaselineComparison

_MEDIAN = "p50_s"
_TOGETHER_RUNS = 3
"""The first runs of regressions that began together are at most so far apart: a change point is as uncertain."""
_MIN_SHARE = 0.7
"""The share of the scenarios that have to show a shift for it to be one of all. Whether a scenario shows half of it is
uncertain for the few runs since: with a shift of two scales, one in six does not."""
_MIN_MEMBERS = 2
_MIN_SCENARIOS = 3
_SIMILAR = 0.5
"""How much farther or less far than the others, as a share of what they did, a scenario may have shifted ..."""
_SIMILAR_AT_LEAST = 0.05
"""... and in logarithms, which is the noise of a few runs."""


@dataclass
class SharedShift:
    """What belongs together."""

    found: list[Regression] = field(default_factory=list)
    """All regressions that the run found; those that belong together say so."""
    joined: dict[str, list[int]] = field(default_factory=dict)
    """The ids of known regressions that now belong to a shared one, by the run since which it is shared."""


def find_shared(
    found: Sequence[Regression],
    known: Sequence[Regression],
    comparisons: Mapping[tuple[str, str], BaselineComparison],
) -> SharedShift:
    """Which of the regressions that a run found belong together, and with which known ones.

    Args:
        found: What the run found.
        known: Those that have not ended.
        comparisons: The run's comparisons, by scenario and part.
    """
    shifts = _Shifts(comparisons)
    outcome, left = SharedShift(), []
    for regression in found:
        group = next(
            (one for one in known if one.shared_since and shifts.is_part_of(regression, one.shared_since)), None
        )
        if group is None:
            left.append(regression)
        else:
            outcome.found.append(_part_of(regression, group))
    apart = [one for one in known if one.shared_since is None and one.state is RegressionState.OPEN]
    for first_run in dict.fromkeys(regression.first_run for regression in left):
        members = [one for one in (*left, *apart) if shifts.is_part_of(one, first_run)]
        enough = len({one.scenario for one in members}) >= _MIN_MEMBERS
        if enough and shifts.is_of_most(first_run):
            outcome.joined[first_run] = [one.id for one in members if one in apart]
            outcome.found += [one.model_copy(update={"shared_since": first_run}) for one in members if one in left]
            left = [one for one in left if one not in members]
            apart = [one for one in apart if one not in members]
    outcome.found += left
    outcome.joined = {first_run: ids for first_run, ids in outcome.joined.items() if ids}
    return outcome


def _part_of(regression: Regression, group: Regression) -> Regression:
    """A regression as part of a known one; somebody who works on that one works on it."""
    moves = list(regression.moves)
    if group.state is RegressionState.ACKNOWLEDGED:
        newest = moves[-1]
        moves.append(group.moves[-1].model_copy(update={"sequence": newest.sequence, "run_id": newest.run_id}))
    return regression.model_copy(update={"shared_since": group.shared_since, "moves": moves})


class _Shifts:
    """How far the medians of scenarios have shifted, without what controls explain."""

    def __init__(self, comparisons: Mapping[tuple[str, str], BaselineComparison]) -> None:
        self._judged = {
            key: history.judged
            for key, comparison in comparisons.items()
            if (history := comparison.metrics.get(_MEDIAN)) is not None and history.judged is not None
        }

    def is_part_of(self, regression: Regression, first_run: str) -> bool:
        """Whether a regression began together with a shift of most scenarios, and is about as large.

        One of an error rate alone stands for itself: it is no part of how far the medians have shifted.
        """
        judged = self._judged.get((regression.scenario, regression.part))
        if all(METRICS[change.metric].unit is Unit.SHARE for change in regression.changes):
            return False
        if judged is None or not {regression.first_run, first_run} <= judged.positions.keys():
            return False
        apart = abs(judged.positions[regression.first_run] - judged.positions[first_run])
        own, typical = judged.shift_since(first_run), self._typical(first_run)
        if apart > _TOGETHER_RUNS or own is None or typical <= 0:
            return False
        return abs(own - typical) <= max(_SIMILAR * typical, _SIMILAR_AT_LEAST)

    def is_of_most(self, first_run: str) -> bool:
        """Whether most scenarios show half of the typical shift since a run."""
        shifts, typical = list(self._of_scenarios(first_run)), self._typical(first_run)
        showing = sum(shift >= typical / 2 for shift in shifts)
        return typical > 0 and len(shifts) >= _MIN_SCENARIOS and showing >= _MIN_SHARE * len(shifts)

    def _typical(self, first_run: str) -> float:
        return median(list(self._of_scenarios(first_run)) or [0.0])

    def _of_scenarios(self, first_run: str) -> Iterator[float]:
        for (_, part), judged in self._judged.items():
            shift = judged.shift_since(first_run) if not part and first_run in judged.positions else None
            if shift is not None:
                yield shift
