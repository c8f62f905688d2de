"""One of the two targets of a paired run: driven round by round, and all that its rounds recorded."""

import asyncio
import gc
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from loadtasks.engine.generator.driver import GeneratedLoad, Start, drive
from loadtasks.engine.generator.health import health
from loadtasks.engine.generator.monitor import GeneratorObservation
from loadtasks.engine.http.probe import check_alive
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.rounds import rounds_of
from loadtasks.engine.recording.measurements import RecordedLoad, measurements
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.engine.runners.selection import runner_for
from loadtasks.errors import TargetUnavailableError
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.model import HttpScenario, PartScenario, Scenario, parts_of


@dataclass(frozen=True)
class DrivenScenario:
    """A scenario that is driven in rounds."""

    written: Scenario
    """As its file has it, which its measurements describe."""
    sent: Scenario
    """The same with the identity of this run filled in."""
    redactor: Redactor
    """Takes the secrets out of what is measured."""


class RoundDriver:
    """Drives the rounds of a scenario against the candidate, or against the reference."""

    def __init__(self, scenario: DrivenScenario, target: Target, first: Mapping[str, int]) -> None:
        """Prepare to drive.

        Args:
            scenario: what is sent.
            target: where it is sent.
            first: by part, the number of the first request of the next round; the caller changes it between rounds.
        """
        self.lost: str | None = None
        """Why the target can be driven no more, as a sentence; None while it responds."""
        self._scenario = scenario
        self._first = first
        self._parts = parts_of(scenario.sent)
        self._rounds = {name: rounds_of(part) for name, part in self._parts.items()}
        self.move(target)
        self._recorded = RecordedLoad.of(datetime.now(UTC), {name: Recorder() for name in self._parts})
        self._observation = GeneratorObservation.joined([])

    def move(self, target: Target) -> None:
        """Drive the next rounds against the target at another address: the same build, started again."""
        self._target = target
        self._sources = {name: self._source(name, part) for name, part in self._parts.items()}

    def _source(self, name: str, part: PartScenario) -> RequestSource | None:
        """A part's requests, which go on from round to round; None for WebSockets."""
        if not isinstance(part, HttpScenario):
            return None
        return RequestSource(
            part,
            self._target,
            numbers=lambda: itertools.count(self._first[name]),
            warmup_numbers=itertools.count,
        )

    async def drive(self, number: int) -> GeneratedLoad:
        """Drive round `number` (from 0). What goes wrong with the target is recorded, never raised."""
        gc.collect()  # what the last round left and is not frozen: it would stop the clock in this one
        start = Start()
        runners = {}
        for name, part in self._parts.items():
            source = self._sources[name]
            if source is not None:
                source.rewind()
            load_slice = self._rounds[name].slice_of(part, number)
            runners[name] = runner_for(load_slice, self._target, start=start, source=source)
        generated = await drive(runners, start)
        if not any(recorder.completed for recorder in generated.recorders.values()):
            await asyncio.to_thread(self._check_alive)
        return generated

    def keep(self, generated: GeneratedLoad) -> list[Measurement]:
        """Add what a round recorded to the whole. Returns the round's own measurements."""
        recorded = RecordedLoad.of(generated.started_at, generated.recorders)
        seen = health([(generated.observation, recorded.whole)], None)
        measured = measurements(self._scenario.written, recorded, seen, self._scenario.redactor, paired=True)
        self._observation = GeneratorObservation.joined([self._observation, generated.observation])
        self._recorded.append(recorded)
        return measured

    @property
    def recorder(self) -> Recorder:
        """What all rounds so far recorded, all parts together."""
        return self._recorded.whole

    def measurements(self, calibration: Calibration | None) -> list[Measurement]:
        """The measurements of all rounds together: the whole first, then the parts of a mixed scenario."""
        seen = health([(self._observation, self._recorded.whole)], calibration)
        return measurements(self._scenario.written, self._recorded, seen, self._scenario.redactor, paired=True)

    def _check_alive(self) -> None:
        try:
            check_alive(self._target)
        except TargetUnavailableError as error:
            self.lost = str(error)
