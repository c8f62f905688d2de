"""A scenario driven in alternating rounds against a candidate and its reference, for their ratio.

In a round one is driven and then the other, never both at once: they would compete. Who is first is drawn for every
second round, and the next is the other way round, so that each is first as often (AB BA). Both get the same requests,
due at the same times. All happens in one process, on one event loop.
"""

import asyncio
import gc
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from time import perf_counter
from uuid import uuid4

import uvloop

from loadtasks.engine.generator.driver import Generated, Start, drive, quiet_collector
from loadtasks.engine.generator.health import health
from loadtasks.engine.generator.monitor import Observation
from loadtasks.engine.generator.progress import OnProgress, Progress
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.pacer import pacer_of
from loadtasks.engine.profiles.rounds import Rounds, rounds_of, warmup
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.engine.run_scenario import measurements
from loadtasks.engine.runners.base import Runner, Source
from loadtasks.engine.runners.broadcast import BroadcastRunner
from loadtasks.engine.runners.closed import ClosedRunner
from loadtasks.engine.runners.connections import ConnectionsRunner
from loadtasks.engine.runners.open import OpenRunner
from loadtasks.errors import TargetUnavailableError
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.identity import identified
from loadtasks.scenarios.load import ClosedLoad, OpenLoad, StagesLoad, WorkerStagesLoad
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    HttpScenario,
    PartScenario,
    Scenario,
    parts_of,
)

MoreRounds = Callable[[Sequence[RoundRatios]], int]
"""How many rounds to add to those that there are; 0 ends it."""
_LEAST_ROUNDS, _ENOUGH_ROUNDS = 10, 40
"""Fewer show nothing; more need not be waited for when the time is over."""


@dataclass(frozen=True)
class Paired:
    """What the rounds showed: of each side the whole first, then the parts of a mixed scenario."""

    candidate: list[Measurement]
    reference: list[Measurement]
    pairs: list[RoundRatios]
    lost: str | None
    """Why there is nothing to compare with: the reference stopped answering. The candidate was measured on."""


def run_paired(
    scenario: Scenario,
    candidate: Target,
    reference: Target,
    more_rounds: MoreRounds,
    on_progress: OnProgress | None = None,
    *,
    seed: str,
    most_s: float = float("inf"),
    calibration: Calibration | None = None,
) -> Paired:
    """Drive a scenario in rounds against both, until `more_rounds` wants no more or the time is over.

    What goes wrong with the targets is measured, never raised.

    Args:
        scenario: what is sent.
        candidate: where it is sent.
        reference: where the same is sent, to compare with.
        more_rounds: asked before the first round, and whenever all it wanted are done.
        on_progress: called after every round.
        seed: of who is first; the same makes the same order.
        most_s: seconds after which no round begins, once there are so many that they can show something.
        calibration: what the generator can do at best; it is kept with the measurements.

    Raises:
        BadInputError: certificates can't be verified with what is there, or this process may not open as many files as
            the load has WebSockets.
    """
    night = _Night(scenario, candidate, reference, on_progress)
    with quiet_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(night.drive(more_rounds, seed, most_s))
    both = [] if night.reference.lost else night.reference.measured(calibration)
    return Paired(night.candidate.measured(calibration), both, night.pairs, night.reference.lost)


def orders(seed: str) -> Iterator[bool]:
    """Whether the candidate is first, round by round: drawn, then the other way round."""
    chance = Random(seed)  # noqa: S311 - reproducible, for no secret
    while True:
        first = chance.random() < 0.5  # noqa: PLR2004 - a coin
        yield first
        yield not first


@dataclass
class _Part:
    """One part of the scenario on one side."""

    scenario: PartScenario
    rounds: Rounds
    source: Source | None

    def runner(self, number: int, target: Target, start: Start) -> Runner:
        """What drives round `number` (from 0)."""
        match self.scenario:
            case HttpScenario(load=ClosedLoad() | WorkerStagesLoad() as load) as part:
                shifts = self.rounds.shifts(load, number)
                part = part.model_copy(update={"warmup_requests": warmup(part, len(shifts), number)})
                if isinstance(load, ClosedLoad) and self.rounds.requests is not None:
                    load = load.model_copy(update={"requests": self.rounds.requests})
                return ClosedRunner(part, load, target, shifts=shifts, source=self.source)
            case HttpScenario(load=OpenLoad() | StagesLoad() as load) as part:
                pacer = self.rounds.pacer(pacer_of(load), number)
                return OpenRunner(part, load, target, pacer=pacer, start=start, source=self.source)
            case BroadcastScenario(load=load) as part:
                return BroadcastRunner(part, load, target, self.rounds.pacer(pacer_of(load.publishing), number))
            case ConnectionsScenario(load=load) as part:
                return ConnectionsRunner(part, load, target)
            case _:
                raise TypeError(f"{self.scenario.name}: no load that can be cut into rounds")


class _Side:
    """The candidate or the reference, and what all of its rounds so far recorded."""

    def __init__(self, scenario: Scenario, sent: Scenario, target: Target, first: Mapping[str, int]) -> None:
        """`sent`: the scenario with its id filled in; `first`: by part, the first request of the next round."""
        self.lost: str | None = None
        """Why it can be driven no more."""
        self._scenario = scenario
        self._target = target
        self._first = first
        self._parts = {kind: self._part(kind, part) for kind, part in parts_of(sent).items()}
        self._whole = Recorder()
        self._recorders = {kind: Recorder() for kind in self._parts}
        self._observation = Observation.joined([])
        self._began = datetime.now(UTC)

    def _part(self, kind: str, part: PartScenario) -> _Part:
        source = None
        if isinstance(part, HttpScenario):
            source = Source(
                part.requests,
                self._target,
                feeder=part.feeder,
                read_back=part.read_back,
                numbers=lambda: itertools.count(self._first[kind]),
            )
        return _Part(part, rounds_of(part), source)

    async def drive(self, number: int) -> Generated:
        """Drive round `number` (from 0)."""
        gc.collect()  # what the last round left, all that is not frozen: it would stop the clock in this one
        start = Start()
        for part in self._parts.values():
            if part.source is not None:
                part.source.rewind()
        runners = {kind: part.runner(number, self._target, start) for kind, part in self._parts.items()}
        generated = await drive(runners, start)
        if not any(recorder.completed for recorder in generated.recorders.values()):
            self._see_whether_alive()
        return generated

    def keep(self, generated: Generated) -> list[Measurement]:
        """Take in what a round recorded; give what the round measured."""
        whole = Recorder.merged(generated.recorders.values())
        fitness = health([generated.observation], whole, None)
        measured = measurements(self._scenario, whole, generated.recorders, generated.started_at, fitness)
        self._observation = Observation.joined([self._observation, generated.observation])
        self._whole.append(whole)
        for kind, recorder in generated.recorders.items():
            self._recorders[kind].append(recorder)
        return measured

    @property
    def response(self) -> Histogram:
        """The response times of all rounds so far."""
        return self._whole.response

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many requests came to their end, failed and were throttled so far."""
        return self._whole.done, self._whole.failed + self._whole.dropped, self._whole.throttled

    def measured(self, calibration: Calibration | None) -> list[Measurement]:
        """The measurements of all rounds together."""
        fitness = health([self._observation], self._whole, calibration)
        return measurements(self._scenario, self._whole, self._recorders, self._began, fitness, paired=True)

    def _see_whether_alive(self) -> None:
        try:
            self._target.check_alive()
        except TargetUnavailableError as error:
            self.lost = str(error)


class _Night:
    """All the rounds of one scenario."""

    def __init__(
        self, scenario: Scenario, candidate: Target, reference: Target, on_progress: OnProgress | None
    ) -> None:
        self._first = dict.fromkeys(parts_of(scenario), 0)
        sent = identified(scenario, uuid4().hex)
        self.candidate = _Side(scenario, sent, candidate, self._first)
        self.reference = _Side(scenario, sent, reference, self._first)
        self.pairs = [RoundRatios(part=kind) for kind in dict.fromkeys(["", *self._first])]
        self._whole = max(rounds_of(part).number for part in parts_of(scenario).values())
        self._on_progress = on_progress
        self._began = 0.0
        self._done = 0
        self._fruitless = False
        self._wanted = 0

    async def drive(self, more_rounds: MoreRounds, seed: str, most_s: float) -> None:
        """Drive round after round; without its reference the candidate alone, until its whole load was sent once."""
        self._began = perf_counter()
        for candidate_first in orders(seed):
            if self._done >= self._wanted:
                self._wanted += more_rounds(self.pairs)
            if self._done >= self._wanted or (self._is_enough and perf_counter() - self._began > most_s):
                return
            await self._round(candidate_first)
            if self.candidate.lost or self.reference.lost:
                break
        self._wanted = self._whole
        while self._done < self._wanted and not self.candidate.lost:
            recorded = await self.candidate.drive(self._done)
            self.candidate.keep(recorded)
            self._end_round([recorded])

    @property
    def _is_enough(self) -> bool:
        """Whether the whole load was driven, or a good part of it; or nothing comes back, so that more won't help."""
        return self._done >= max(_LEAST_ROUNDS, min(self._whole, _ENOUGH_ROUNDS)) or self._fruitless

    async def _round(self, candidate_first: bool) -> None:
        sides = (self.candidate, self.reference) if candidate_first else (self.reference, self.candidate)
        recorded = {}
        for side in sides:
            recorded[side] = await side.drive(self._done)
        # Kept after both: what this takes, right before one half of most rounds, would make that side look slower.
        candidate = self.candidate.keep(recorded[self.candidate])
        self._tell()
        if self.reference.lost is None:
            reference = self.reference.keep(recorded[self.reference])
            for pairs, *both in zip(self.pairs, candidate, reference, strict=True):
                pairs.add(*both, candidate_first=candidate_first)
        self._end_round(recorded.values())

    def _end_round(self, recorded: Collection[Generated]) -> None:
        """The next round begins with the request after the last one of either side."""
        self._done += 1
        self._fruitless = not all(any(part.completed for part in each.recorders.values()) for each in recorded)
        for kind in self._first:
            self._first[kind] += max(each.recorders[kind].scheduled for each in recorded)

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        elapsed_s = perf_counter() - self._began
        done, failed, throttled = self.candidate.counts
        self._on_progress(
            Progress(
                done=done,
                expected=None,
                elapsed_s=elapsed_s,
                left_s=elapsed_s / (self._done + 1) * max(0, self._wanted - self._done - 1),
                rate_per_s=done / elapsed_s,
                response=self.candidate.response,
                failed=failed,
                throttled=throttled,
                saturation=(),
            )
        )
