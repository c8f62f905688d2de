"""A paired run with a budget of time for all of its scenarios: they take turns, and undecided ones get what is left.

First every scenario is driven to its first interim analysis; one whose rounds take too long for that gets its share of
the time, but never fewer rounds than show something. Then whatever time is left goes to the scenarios that are not
decided yet: in each turn the one that is likely to be decided soonest goes on to its next interim analysis, or for its
share of what is left. Where the time is short, it decides something rather than nothing of everything.

Both builds are started several times, since two processes of one build may differ for as long as they run: first for
the first turns, then again at equal intervals of the time that is left. A scenario that regressed goes first then: it
is decided when the rounds of two starts show it.

The error rate of the sequential test holds all the same. Each analysis of a scenario spends its share of the error, and
no scenario is analysed more often than planned, whatever other scenarios do in between: where time ends the rounds
between two analyses, the last one takes the place of the next. Whose turn it is depends on seconds, which belong to
both builds alike, and on what earlier rounds showed; the union bound over the analyses allows for that. Rounds of
different minutes may be noisier together than those in a row, but their ratios have the same location, since both sides
of a round share its moment.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from time import monotonic
from typing import Self

from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.engine.run_paired import MoreRounds, PairedRun
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.verdict.reference.judged_rounds import RoundBudget

_FIRST_TURNS = 0.6
"""The share of the time that is for the first turns, where both builds are to be started again after them."""
_MAX_STARTING = 0.2
"""The share of the time left that may go by while both builds are started again."""
_SHORTEST_START_S = 0.5
"""Ending and starting two builds takes no less."""
_MIN_TURN_S = 5.0
"""Seconds of a turn when there is time for it: each begins and ends with requests that measure nothing."""


@dataclass
class Turn:
    """What one scenario of a paired run has been driven so far, and how long its next turn may take."""

    scenario: str
    seed: str
    """Decides which build begins a round."""
    budget: RoundBudget
    max_s: float = 0.0
    """Seconds of the next turn after which no round begins, once enough were driven to show something."""
    to_the_end: bool = False
    """Whether the next turn goes on until nothing is undecided; otherwise until the next interim analysis."""
    driven_s: float = 0.0
    """Seconds of all turns."""
    start: int = 0
    """The number of the start of both builds that the next turn drives, from 0."""
    paired: PairedRun | None = None
    """Its rounds so far; None before the first turn, and where it is measured without the reference."""
    own_metrics: TargetMetrics | None = None
    """What the target's own metrics showed of its earlier turns."""

    @classmethod
    def only(cls, scenario: str, run_id: str, budget: RoundBudget) -> Self:
        """The one turn of a scenario, in which it may use up its budget."""
        return cls(scenario, f"{run_id} {scenario}", budget, max_s=budget.seconds, to_the_end=True)

    @property
    def is_begun(self) -> bool:
        """Whether its rounds go on where an earlier turn ended."""
        return self.paired is not None

    def drive(self, on_progress: OnProgress | None) -> None:
        """Drive the next turn of its rounds, which have begun."""
        if self.paired is not None:
            self.paired.drive(self._more_rounds(self.paired), self.max_s, on_progress)

    def keep_own_metrics(self, own: TargetMetrics | None) -> TargetMetrics | None:
        """Add what the target's own metrics showed of the turn that has ended. Gives that of all turns."""
        earlier = self.own_metrics
        self.own_metrics = earlier.followed_by(own) if earlier is not None and own is not None else own
        return self.own_metrics

    def _more_rounds(self, paired: PairedRun) -> MoreRounds:
        """How many rounds the next turn adds."""
        if self.to_the_end:
            return self.budget.more_rounds
        before = _usable(paired.round_ratios)

        def until_next_analysis(parts: Sequence[RoundRatios]) -> int:
            usable = _usable(parts)
            if usable > before and usable in self.budget.rule.interim_analyses:
                return 0
            return self.budget.more_rounds(parts)

        return until_next_analysis

    @property
    def is_undecided(self) -> bool:
        """Whether more rounds may decide something."""
        if self.paired is None or self.paired.is_lost:
            return False
        return self.budget.more_rounds(self.paired.round_ratios) > 0

    @property
    def left_s(self) -> float:
        """How many seconds a decision is likely to take; infinite where the budget is likely to end before."""
        if self.paired is None:
            return inf
        parts = self.paired.round_ratios
        return self.budget.rounds_left(parts) * self.driven_s / max(1, len(parts[0].saturated))

    @property
    def awaits_start(self) -> bool:
        """Whether a regression was found that another start of both builds has to show too."""
        return self.paired is not None and self.budget.awaits_start(self.paired.round_ratios)


@dataclass
class TimeBudget:
    """The time in which a paired run drives all of its scenarios."""

    ends_s: float
    """When it ends, of `time.monotonic`."""
    rounds: RoundBudget
    """How many rounds one scenario may take."""
    run_id: str
    starts: int = 1
    """How often both builds are started, at most."""
    _turns: list[Turn] = field(default_factory=list)
    _start: int = 0
    _due_s: list[float] = field(default_factory=list)
    """When both builds are to be started again, of `time.monotonic`."""

    @property
    def left_s(self) -> float:
        """Seconds that are left of it; not negative."""
        return max(0.0, self.ends_s - monotonic())

    def first_turns(self, scenarios: Sequence[str]) -> Iterator[Turn]:
        """The first turn of each scenario, in their order; to be driven before the next one is asked for."""
        ends_s = monotonic() + self.left_s * (_FIRST_TURNS if self.starts > 1 else 1.0)
        for number, scenario in enumerate(scenarios):
            turn = Turn(scenario, f"{self.run_id} {scenario}", self.rounds)
            self._turns = [*(known for known in self._turns if known.scenario != scenario), turn]
            turn.max_s = max(0.0, ends_s - monotonic()) / (len(scenarios) - number)
            yield from self._driven(turn)

    def plan_starts(self, took_s: float) -> None:
        """Plan when both builds are started again, as often as is worth its time; to be called after the first turns.

        `took_s`: how long their start took.
        """
        affordable = int(_MAX_STARTING * self.left_s / max(took_s, _SHORTEST_START_S))
        more = min(self.starts - 1, affordable)
        self._due_s = [monotonic() + self.left_s * number / more for number in range(more)]
        if more:
            self.rounds = replace(self.rounds, starts=2)
            for turn in self._turns:
                turn.budget = self.rounds

    def further_turns(self, start_again: Callable[[], None]) -> Iterator[Turn]:
        """The turns of undecided scenarios, as long as time is left; to be driven before the next one is asked for.

        `start_again`: ends both builds and starts them again; called before a turn where that is planned.
        """
        while self.left_s > 0 and (undecided := self.undecided):
            if self._due_s and monotonic() >= self._due_s[0]:
                began_s = monotonic()
                start_again()
                self._start += 1
                fits = monotonic() - began_s <= _MAX_STARTING * self.left_s
                self._due_s = self._due_s[1:] if fits else []
            turn = min(undecided, key=lambda turn: (not turn.awaits_start, turn.left_s, turn.driven_s))
            of_start_s = min([self.left_s, *(due_s - monotonic() for due_s in self._due_s[:1])])
            turn.max_s = min(self.left_s, max(_MIN_TURN_S, min(of_start_s, self.left_s / len(undecided))))
            yield from self._driven(turn)

    @property
    def undecided(self) -> list[Turn]:
        """The scenarios that more rounds may decide."""
        return [turn for turn in self._turns if turn.is_undecided]

    def give_up(self, scenario: str) -> None:
        """Give a scenario no more turns."""
        self._turns = [turn for turn in self._turns if turn.scenario != scenario]

    def _driven(self, turn: Turn) -> Iterator[Turn]:
        began_s, turn.start = monotonic(), self._start
        yield turn
        turn.driven_s += monotonic() - began_s


def _usable(parts: Sequence[RoundRatios]) -> int:
    return parts[0].saturated.count(False)
