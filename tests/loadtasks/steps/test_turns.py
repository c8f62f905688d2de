"""Turns of scenarios within a budget of time, with made-up rounds in place of driven ones."""

from dataclasses import dataclass, field

import pytest

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.engine.run_paired import MoreRounds
from loadtasks.steps import turns
from loadtasks.steps.turns import TimeBudget, Turn
from loadtasks.verdict.reference.judged_rounds import RoundBudget
from tests.loadtasks.verdict.reference.rounds import round_ratios

SECONDS_A_ROUND = 0.5


class Clock:
    """A clock that rounds move on."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class MadeUpRun:
    """Rounds of a scenario as `PairedRun` drives them; each takes so long."""

    clock: Clock
    whole: RoundRatios
    seconds_a_round: float = SECONDS_A_ROUND
    is_lost: bool = False
    driven: int = 0
    analysed: list[int] = field(default_factory=list)
    start: int = 0
    round_starts: list[int] = field(default_factory=list)

    @property
    def round_ratios(self) -> list[RoundRatios]:
        made = RoundRatios(
            candidate_first=self.whole.candidate_first[: self.driven],
            saturated=self.whole.saturated[: self.driven],
            requests=self.whole.requests[: self.driven],
            starts=self.round_starts,
            log_ratios={name: values[: self.driven] for name, values in self.whole.log_ratios.items()},
        )
        return [made]

    def drive(self, more_rounds: MoreRounds, max_duration_s: float, _on_progress: object = None) -> None:
        began_s, planned = self.clock(), self.driven
        while True:
            if self.driven >= planned:
                planned += more_rounds(self.round_ratios)
            is_over = self.driven >= 10 and self.clock() - began_s > max_duration_s
            if self.driven >= planned or is_over:
                break
            self.driven += 1
            self.round_starts.append(self.start)
            self.clock.now_s += self.seconds_a_round
        self.analysed.append(self.driven)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(turns, "monotonic", made)
    return made


def driven(
    clock: Clock,
    seconds: float,
    *,
    starts: int = 1,
    start_s: float = 4.0,
    again_s: float | None = None,
    **scenarios: MadeUpRun,
) -> list[tuple[str, int]]:
    """Drive scenarios within a budget.

    Gives whose turn it was and how many rounds it had at the end of that, and when both builds were started again.
    """
    budget, order = TimeBudget(clock() + seconds, RoundBudget(), "a run", starts), []

    def start_again() -> None:
        clock.now_s += again_s or start_s
        order.append(("start", int(clock())))

    def take(turn: Turn) -> None:
        run = scenarios[turn.scenario]
        run.start = turn.start
        turn.paired = run  # type: ignore[assignment]
        turn.drive(None)
        order.append((turn.scenario, run.driven))

    for turn in budget.first_turns(list(scenarios)):
        take(turn)
    budget.plan_starts(start_s)
    for turn in budget.further_turns(start_again):
        take(turn)
    return order


def test_each_gets_to_its_first_analysis_and_undecided_ones_get_the_rest(clock: Clock) -> None:
    noisy, equal, slower = (
        MadeUpRun(clock, round_ratios(480, noise=0.2)),
        MadeUpRun(clock, round_ratios(480)),
        MadeUpRun(clock, round_ratios(480, p50_s=0.3)),
    )
    order = driven(clock, 120, noisy=noisy, equal=equal, slower=slower)
    assert order[:3] == [("noisy", 30), ("equal", 30), ("slower", 30)]
    assert {name for name, _ in order[3:]} == {"noisy"}
    assert [rounds for _, rounds in order[3:]] == [60, 120, 181], "until the time is over"
    assert clock() - 100 == pytest.approx(120, abs=2 * SECONDS_A_ROUND)


def test_undecided_ones_share_what_is_left_alike(clock: Clock) -> None:
    quick = MadeUpRun(clock, round_ratios(480, noise=0.3), seconds_a_round=0.1)
    slow = MadeUpRun(clock, round_ratios(480, noise=0.3), seconds_a_round=0.4)
    driven(clock, 60, quick=quick, slow=slow)
    assert quick.driven * 0.1 == pytest.approx(slow.driven * 0.4, rel=0.35)
    assert quick.analysed[0] == slow.analysed[0] == 30


def test_what_is_likely_to_be_decided_soonest_goes_first(clock: Clock) -> None:
    hopeless, slower, equal = (
        MadeUpRun(clock, round_ratios(480, noise=2.0)),
        MadeUpRun(clock, round_ratios(480, noise=0.25, p50_s=0.15, p95_s=0.15)),
        MadeUpRun(clock, round_ratios(480, noise=0.25)),
    )
    order = driven(clock, 220, hopeless=hopeless, slower=slower, equal=equal)
    assert order[3] == ("slower", 60)
    later = [name for name, _ in order[3:]]
    assert "hopeless" not in later[: later.count("slower")], "no analysis of it is likely to decide anything"
    assert not Turn("slower", "", RoundBudget(), paired=slower).is_undecided  # type: ignore[arg-type]


def test_rounds_that_are_too_long_get_their_share_and_no_fewer_than_show_something(clock: Clock) -> None:
    endless, later = (MadeUpRun(clock, round_ratios(480, noise=0.3), seconds_a_round=s) for s in (2.0, 0.1))
    order = driven(clock, 10, endless=endless, later=later)
    assert order[0] == ("endless", 10)
    assert order[1][0] == "later"
    assert later.driven >= 10


def test_what_is_lost_or_at_its_last_analysis_gets_no_more_turns(clock: Clock) -> None:
    lost, whole = (
        MadeUpRun(clock, round_ratios(noise=0.4), is_lost=True),
        MadeUpRun(clock, round_ratios(480, noise=0.9)),
    )
    order = driven(clock, 10_000, lost=lost, whole=whole)
    assert order == [("lost", 30), *(("whole", rounds) for rounds in (30, 60, 120, 240, 480))]


def test_both_builds_are_started_again_at_equal_intervals_and_a_regression_is_shown_to_hold_first(clock: Clock) -> None:
    noisy, equal, slower = (
        MadeUpRun(clock, round_ratios(480, noise=0.4)),
        MadeUpRun(clock, round_ratios(480)),
        MadeUpRun(clock, round_ratios(480, p50_s=0.3)),
    )
    order = driven(clock, 245, starts=3, noisy=noisy, equal=equal, slower=slower)
    assert order[:5] == [("noisy", 30), ("equal", 30), ("slower", 30), ("start", 149), ("slower", 60)]
    assert [name for name, _ in order[5:]].count("start") == 1
    assert {name for name, _ in order[5:]} == {"noisy", "start"}, "what is decided is driven no more"
    assert (slower.round_starts, equal.round_starts) == ([0] * 30 + [1] * 30, [0] * 30)
    again_s = next(at for name, at in order[5:] if name == "start")
    assert again_s == pytest.approx(100 + 45 + 100, abs=20)
    assert set(noisy.round_starts) == {0, 1, 2}


def test_builds_that_start_slowly_are_started_again_seldom_or_never(clock: Clock) -> None:
    slower = MadeUpRun(clock, round_ratios(480, p50_s=0.3))
    assert driven(clock, 100, starts=3, start_s=20, slower=slower) == [("slower", 30)]
    slower, noisy = MadeUpRun(clock, round_ratios(480, p50_s=0.3)), MadeUpRun(clock, round_ratios(480, noise=0.4))
    order = driven(clock, 100, starts=3, start_s=12, slower=slower, noisy=noisy)
    assert [name for name, _ in order].count("start") == 1


def test_builds_that_take_longer_to_start_again_are_not_started_once_more(clock: Clock) -> None:
    noisy = MadeUpRun(clock, round_ratios(480, noise=0.4))
    order = driven(clock, 200, starts=3, start_s=2, again_s=40, noisy=noisy)
    assert [name for name, _ in order].count("start") == 1


def test_the_first_turns_leave_time_for_another_start(clock: Clock) -> None:
    slow = MadeUpRun(clock, round_ratios(480, noise=0.4), seconds_a_round=5.0)
    driven(clock, 100, starts=2, slow=slow)
    assert slow.round_starts.count(0) == pytest.approx(12, abs=1)
    assert slow.round_starts.count(1) >= 5
