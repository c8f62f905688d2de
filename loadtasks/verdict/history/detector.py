"""Judging series night by night against their own past, with false alarms held to a budget for the whole family.

Many series are judged side by side. A night that looks bad is measured again, up to three times, before anything is
said of it; and while a series is learnt once more in any case, which shows how far two measurements of one night
differ. A regression stays open until it is accepted (the new level), dismissed (a false alarm: the level stands and
evidence is gathered anew) or has recovered by itself; until then it isn't raised again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from loadtasks.results.repetitions import RepetitionReason
from loadtasks.verdict.history import evidence
from loadtasks.verdict.history.change import ChangePoint, measure, step
from loadtasks.verdict.history.evidence import Evidence
from loadtasks.verdict.history.false_alarm_budget import FalseAlarmBudget
from loadtasks.verdict.history.levels import MAX_REPETITIONS, MEMORY, Levels, Values
from loadtasks.verdict.history.recovery import Recovery

NEEDED = 14
"""Valid nights that a level takes before anything is judged by it: two weeks, each weekday twice."""
_UNTAUGHT = 2
"""The first nights, which are not measured again: a pipeline that is just tried out takes no longer than it must."""
_SETTLED = 21
"""Nights that an improvement has lasted before it becomes the level."""
_DOUBT = 2.0
"""So near to the threshold, in log odds, a night is measured again. The wider, the sooner a regression is found and the
more nights are measured again; it is part of what `loadtasks.verdict.history.false_alarm_budget` was simulated with."""
_SUSPICION = 0.75
"""So near to the threshold after that, there is a suspicion: one bad night more would raise an alarm."""


class DetectorState(StrEnum):
    """What a series' past says of tonight."""

    LEARNING = "learning"
    NORMAL = "normal"
    SUSPECT = "suspect"
    REGRESSED = "regressed"
    IMPROVED = "improved"


@dataclass(frozen=True)
class SeriesSettings:
    """How one series is judged; its values are logarithms, or whatever else adds up."""

    min_effect: float
    """The least change that is worth telling, in units of the values: 0.03 of logarithms is 3 %."""
    share: float
    """Of the family's budget; those of a family add up to 1."""
    worse_up: bool = True
    """Whether higher is worse (times) or better (throughput)."""


@dataclass(frozen=True)
class Judgement:
    """What is said of one series after a night."""

    state: DetectorState
    needed: int = 0
    """Valid nights still needed before it is judged."""
    odds: float = -np.inf
    """Log odds of a change for the worse, beyond the threshold where positive."""
    change: ChangePoint | None = None
    """The open change as it was raised, or the one found this night."""
    raised: bool = False
    """Whether this night is the one that found it."""
    recovered: bool = False
    """Whether an open change was found this night to be gone."""


class Detector:
    """Series judged together, each night once, in order."""

    def __init__(
        self, series: Sequence[SeriesSettings], budget: FalseAlarmBudget, accept_improvements: bool = True
    ) -> None:
        """`accept_improvements`: once they have lasted; otherwise they stay open until they are accepted."""
        self._sign = np.array([1.0 if each.worse_up else -1.0 for each in series])
        self._min_effect = np.array([each.min_effect for each in series])
        self._threshold = np.array([budget.threshold(each.share) for each in series])
        self._levels = Levels(self._min_effect / 4)
        self._fresh = {name: np.full(len(series), MEMORY) for name in ("worse", "better")}
        self._open: dict[int, Recovery] = {}
        self._improved: dict[int, ChangePoint] = {}
        self._accept_improvements = accept_improvements
        self._night = -1
        self._first: Values = np.full(len(series), np.nan)
        self._weighed: Evidence | None = None

    def observe(self, values: Values) -> list[Judgement]:
        """Judge the next night by its values, an item a series; nan where there is no valid one."""
        self.begin(values)
        return self.judge()

    def begin(self, values: Values) -> None:
        """Begin the next night with each series' first measurement."""
        self._night += 1
        self._first = values * self._sign
        self._levels.add(self._night, self._of_closed(self._first))
        valid = ~np.isnan(self._first)
        for fresh in self._fresh.values():
            fresh[valid] = np.minimum(fresh[valid] + 1, MEMORY)
        self._weighed = None

    def add(self, values: Values) -> None:
        """What was measured again in the night that has begun; nan of a series that was not."""
        begun = np.where(np.isnan(self._first), np.nan, values * self._sign)
        self._levels.add_again(self._of_closed(begun))
        self._weighed = None

    def again(self) -> list[RepetitionReason | None]:
        """Which series are to be measured again in the night that has begun, and why."""
        nights, measured, (_, worse) = self._levels.count, self._levels.measured, self._weigh()
        suspect = (nights >= NEEDED) & (worse > -_DOUBT) & (measured < MAX_REPETITIONS)
        learning = (nights > _UNTAUGHT) & (nights < NEEDED) & (measured == 1)
        settled = np.isnan(self._of_closed(self._first))
        why = np.select([settled, suspect, learning], [0, 1, 2])
        return [(None, RepetitionReason.SUSPECT, RepetitionReason.LEARNING)[each] for each in why]

    def judge(self) -> list[Judgement]:
        """Judge the night that has begun, by all of its measurements."""
        rise, worse, fall, better = (*self._weigh(), *self._weigh_better())
        valid, nights = ~np.isnan(self._first), self._levels.count
        judged = []
        for row in range(len(valid)):
            if row in self._open:
                judged.append(self._still_open(row, float(self._first[row])))
            elif nights[row] < NEEDED:
                judged.append(Judgement(DetectorState.LEARNING, needed=int(NEEDED - nights[row])))
            elif valid[row] and worse[row] > 0:
                judged.append(self._worse(row, rise[row], float(worse[row])))
            elif valid[row] and better[row] > 0:
                judged.append(self._better(row, fall[row], float(worse[row])))
            else:
                judged.append(self._usual(row, float(worse[row])))
        return judged

    def dismiss(self, row: int) -> None:
        """An open change was none: its nights are part of the level, and evidence is gathered anew."""
        recovery = self._open.pop(row)
        self._levels.extend(row, recovery.nights())
        self._gather_anew(row)

    def change(self, row: int) -> ChangePoint:
        """An open change, its size by all nights since."""
        return self._open[row].change

    def accept(self, row: int) -> None:
        """An open change is the new level, from its first night on."""
        recovery = self._open.pop(row)
        self._levels.restart(row, recovery.nights())
        self._gather_anew(row)

    def _of_closed(self, signed: Values) -> Values:
        """Those of the series that have no open change; nan of the others."""
        closed = np.ones(len(signed), dtype=bool)
        closed[list(self._open)] = False
        return np.where(closed, signed, np.nan)

    def _evidence(self) -> Evidence:
        if self._weighed is None:
            self._weighed = evidence.weigh(self._levels)
        return self._weighed

    def _weigh(self) -> tuple[Values, Values]:
        """The log odds of a change for the worse since each measurement, and together beyond the threshold."""
        rise = self._evidence().rise(self._fresh["worse"])
        return rise, evidence.total(rise) - self._threshold

    def _weigh_better(self) -> tuple[Values, Values]:
        """The same of a change for the better."""
        fall = self._evidence().fall(self._fresh["better"])
        return fall, evidence.total(fall) - self._threshold

    def _open_change(self, row: int, change: ChangePoint, lasted: int, worse: bool) -> None:
        since = self._levels.take(row, lasted)
        before, least = self._levels.stretch(row), float(self._levels.least[row])
        self._open[row] = Recovery(change, before, since, least, float(self._sign[row]), worse)

    def _worse(self, row: int, odds: Values, worse: float) -> Judgement:
        change = measure(self._levels, row, odds, float(self._sign[row]))
        if abs(change.size) < self._min_effect[row]:
            return Judgement(DetectorState.SUSPECT, odds=worse, change=change)
        self._improved.pop(row, None)
        self._open_change(row, change, change.lasted, worse=True)
        return Judgement(DetectorState.REGRESSED, odds=worse, change=change, raised=True)

    def _better(self, row: int, odds: Values, worse: float) -> Judgement:
        change = measure(self._levels, row, odds, float(self._sign[row]))
        if row in self._improved or abs(change.size) < self._min_effect[row]:
            return self._usual(row, worse)
        self._improved[row] = change
        return Judgement(DetectorState.IMPROVED, odds=worse, change=change, raised=True)

    def _usual(self, row: int, worse: float) -> Judgement:
        if worse > -_SUSPICION:
            return Judgement(DetectorState.SUSPECT, odds=worse)
        if row in self._improved:
            self._settle(row)
        return Judgement(DetectorState.NORMAL, odds=worse)

    def _gather_anew(self, row: int) -> None:
        for fresh in self._fresh.values():
            fresh[row] = 0

    def _settle(self, row: int) -> None:
        """Decide about an improvement, once it has lasted: whether it still is one, and whether it is the level."""
        change, nights = self._improved[row], self._levels.stretch(row)
        lasted = int(np.count_nonzero(nights.numbers >= change.first))
        if lasted < _SETTLED:
            return
        del self._improved[row]
        if step(nights[:-lasted], nights[-lasted:], float(self._levels.least[row])).high >= 0:
            self._fresh["better"][row] = 0
        elif self._accept_improvements:
            self._levels.restart(row, self._levels.take(row, lasted))
        else:
            self._open_change(row, change, lasted, worse=False)

    def _still_open(self, row: int, value: float) -> Judgement:
        recovery = self._open[row]
        if not np.isnan(value) and recovery.observe(self._night, value):
            del self._open[row]
            self._levels.extend(row, recovery.good_nights())
            self._gather_anew(row)
            return Judgement(DetectorState.NORMAL, change=recovery.raised, recovered=True)
        return Judgement(DetectorState.REGRESSED if recovery.worse else DetectorState.IMPROVED, change=recovery.raised)
