"""A scenario driven in alternating rounds against a candidate and its reference, for the ratio of the two.

In a round one of them is driven and then the other, never both at once: they would compete for the machine. Who is
first is drawn at random for every second round, and the round after it has the opposite order, so that each is first
equally often (AB BA, a randomised crossover in blocks of two). Both get the same requests, due at the same times. All
happens in one process, on one event loop.

The rounds may be driven in several stretches, between which other scenarios have their turn, or both builds are ended
and started again: the requests, the order of both and what is recorded go on where the stretch before ended.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter
from typing import NamedTuple
from uuid import uuid4

import uvloop

from loadtasks.engine.generator.driver import GeneratedLoad, quiet_collector
from loadtasks.engine.generator.progress import OnProgress, Progress
from loadtasks.engine.generator.round_driver import DrivenScenario, RoundDriver
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.rounds import rounds_of
from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.identity import identified
from loadtasks.scenarios.model import Scenario, parts_of
from loadtasks.scenarios.secrets import secrets_of

MoreRounds = Callable[[Sequence[RoundRatios]], int]
"""How many rounds to add to those that were driven; 0 ends the run."""
_MIN_ROUNDS, _ENOUGH_ROUNDS = 10, 40
"""Fewer rounds than the first show nothing; once the time is over, more than the second are not waited for."""


class TargetPair(NamedTuple):
    """Where the same is sent, in turn."""

    candidate: Target
    reference: Target


class RoundPlan(NamedTuple):
    """How many rounds are driven, and in which order."""

    more_rounds: MoreRounds
    """Called before the first round, and whenever all rounds that it added were driven."""
    seed: str
    """Decides who is first in which round; the same seed makes the same order."""
    max_duration_s: float = float("inf")
    """Seconds after which no round begins, once enough were driven to show something."""


@dataclass(frozen=True)
class PairedMeasurements:
    """What the rounds showed: of each target the whole first, then the parts of a mixed scenario."""

    candidate: list[Measurement]
    reference: list[Measurement]
    """Empty where the reference was lost."""
    round_ratios: list[RoundRatios]
    lost: str | None
    """Why there is nothing to compare with, as a sentence: the reference stopped responding. The candidate was measured
    on. None where the reference responded to the end."""


def run_paired(
    scenario: Scenario,
    targets: TargetPair,
    plan: RoundPlan,
    on_progress: OnProgress | None = None,
    *,
    calibration: Calibration | None = None,
) -> PairedMeasurements:
    """Drive a scenario in rounds against both, until the plan adds no more rounds or its time is over.

    What goes wrong with the targets is measured, never raised.

    Args:
        scenario: what is sent.
        targets: where it is sent.
        plan: how many rounds are driven, and in which order.
        on_progress: called after every round.
        calibration: what the generator can do at best; it is kept with the measurements.

    Raises:
        BadInputError: the targets' certificates can't be verified with the CA bundle that the environment names, or
            this process may not open as many files as the load has WebSockets.
    """
    run = PairedRun(scenario, targets, plan.seed)
    run.drive(plan.more_rounds, plan.max_duration_s, on_progress)
    return run.measured(calibration)


def orders(seed: str) -> Iterator[bool]:
    """Whether the candidate is first, round by round: drawn at random, then the opposite."""
    random = Random(seed)  # noqa: S311 - reproducible, for no secret
    while True:
        first = random.random() < 0.5  # noqa: PLR2004 - a coin
        yield first
        yield not first


class PairedRun:
    """All rounds of one scenario; they can be driven on as often as there is time for more."""

    def __init__(self, scenario: Scenario, targets: TargetPair, seed: str) -> None:
        """Prepare to drive.

        Args:
            scenario: what is sent.
            targets: where it is sent.
            seed: decides who is first in which round; the same seed makes the same order.
        """
        self._first = dict.fromkeys(parts_of(scenario), 0)
        sent = identified(scenario, uuid4().hex)
        redactor = Redactor(targets.candidate.secrets | targets.reference.secrets | secrets_of(sent))
        self.candidate = RoundDriver(DrivenScenario(scenario, sent, redactor), targets.candidate, self._first)
        self.reference = RoundDriver(DrivenScenario(scenario, sent, redactor), targets.reference, self._first)
        self.round_ratios = [RoundRatios(part=name) for name in dict.fromkeys(["", *self._first])]
        self._whole_load = max(rounds_of(part).number for part in parts_of(scenario).values())
        """How many rounds send every part's whole load once."""
        self._orders = orders(seed)
        self._on_progress: OnProgress | None = None
        self._began = 0.0
        self._earlier_s = 0.0
        """Seconds of the stretches before this one."""
        self._planned = 0
        self._driven = 0
        self._start = 0
        self._is_fruitless = False
        """Whether the last round completed no request, on one side at least."""

    @property
    def is_lost(self) -> bool:
        """Whether one of the targets stopped responding, so that no more rounds can be driven."""
        return bool(self.candidate.lost or self.reference.lost)

    def move(self, targets: TargetPair, start: int) -> None:
        """Drive the next rounds at these addresses, where both builds were started again.

        Args:
            targets: where the same is sent.
            start: the number of that start, from 0.
        """
        if start != self._start:
            self._start = start
            self.candidate.move(targets.candidate)
            self.reference.move(targets.reference)

    def drive(
        self, more_rounds: MoreRounds, max_duration_s: float = float("inf"), on_progress: OnProgress | None = None
    ) -> None:
        """Drive rounds until no more are added or the time of this stretch is over. See `run_paired`.

        Args:
            more_rounds: called before the first round of a stretch, and whenever all planned rounds were driven.
            max_duration_s: seconds after which no round begins, once enough were driven to show something.
            on_progress: called after every round.
        """
        if self.is_lost:
            return
        self._on_progress = on_progress
        self._began, self._planned = perf_counter(), self._driven
        try:
            with quiet_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._drive(more_rounds, max_duration_s))
        finally:
            self._earlier_s += perf_counter() - self._began

    def measured(self, calibration: Calibration | None = None) -> PairedMeasurements:
        """What all rounds so far showed. `calibration` is kept with the measurements."""
        compared_with = [] if self.reference.lost else self.reference.measurements(calibration)
        candidate = self.candidate.measurements(calibration)
        return PairedMeasurements(candidate, compared_with, self.round_ratios, self.reference.lost)

    async def _drive(self, more_rounds: MoreRounds, max_duration_s: float) -> None:
        """Drive round after round; where a target is lost, the candidate alone until its whole load was sent once."""
        while not self.is_lost:
            if self._driven >= self._planned:
                self._planned += more_rounds(self.round_ratios)
            is_over = self._is_enough and perf_counter() - self._began > max_duration_s
            if is_over or self._driven >= self._planned:
                return
            await self._drive_round(next(self._orders))
        self._planned = self._whole_load
        while self._driven < self._planned and not self.candidate.lost:
            generated = await self.candidate.drive(self._driven)
            self.candidate.keep(generated)
            self._end_round([generated])

    @property
    def _is_enough(self) -> bool:
        """Whether the whole load was driven, or a good part of it; or nothing comes back, so that more won't help."""
        return self._driven >= max(_MIN_ROUNDS, min(self._whole_load, _ENOUGH_ROUNDS)) or self._is_fruitless

    async def _drive_round(self, candidate_first: bool) -> None:
        drivers = (self.candidate, self.reference) if candidate_first else (self.reference, self.candidate)
        began, generated = perf_counter(), {}
        for driver in drivers:
            generated[driver] = await driver.drive(self._driven)
        # Kept after both: what this takes, right before one half of most rounds, would make that side look slower.
        candidate = self.candidate.keep(generated[self.candidate])
        self._report_progress()
        if self.reference.lost is None:
            reference = self.reference.keep(generated[self.reference])
            for ratios, *both in zip(self.round_ratios, candidate, reference, strict=True):
                took_s = perf_counter() - began
                ratios.add(*both, candidate_first=candidate_first, took_s=took_s, start=self._start)
        self._end_round(generated.values())

    def _end_round(self, generated: Collection[GeneratedLoad]) -> None:
        """The next round begins with the request after the last one of either side."""
        self._driven += 1
        self._is_fruitless = not all(
            any(recorder.completed for recorder in side.recorders.values()) for side in generated
        )
        for part in self._first:
            self._first[part] += max(side.recorders[part].scheduled for side in generated)

    def _report_progress(self) -> None:
        if self._on_progress is None:
            return
        elapsed_s = self._earlier_s + perf_counter() - self._began
        recorder = self.candidate.recorder
        self._on_progress(
            Progress(
                done=recorder.done,
                expected=None,
                elapsed_s=elapsed_s,
                left_s=elapsed_s / (self._driven + 1) * max(0, self._planned - self._driven - 1),
                rate_per_s=recorder.done / elapsed_s,
                response=recorder.response,
                failed=recorder.failed + recorder.dropped,
                throttled=recorder.throttled,
                saturation=(),
            )
        )
