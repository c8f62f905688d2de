"""What the recorders of a scenario's parts recorded, and the measurements that are made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from loadtasks.engine.recording.recorder import MeasurementIdentity, Recorder
from loadtasks.measurement.health import Health
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.load import profile_duration_s
from loadtasks.scenarios.load_data import load_data
from loadtasks.scenarios.model import HttpScenario, Scenario, parts_of


@dataclass(frozen=True)
class RecordedLoad:
    """What was recorded of a scenario's load."""

    started_at: datetime
    whole: Recorder
    """What all parts recorded together."""
    parts: Mapping[str, Recorder]
    """By part; its name is empty for a scenario that isn't mixed."""

    @classmethod
    def of(cls, started_at: datetime, parts: Mapping[str, Recorder]) -> Self:
        """What the parts recorded, and all of them together."""
        return cls(started_at, Recorder.merged(parts.values()), parts)

    def append(self, later: Self) -> None:
        """Add what was recorded of a later stretch of the same load, as if no time lay between the two."""
        self.whole.append(later.whole)
        for name, recorder in later.parts.items():
            self.parts[name].append(recorder)


def measurements(
    scenario: Scenario, recorded: RecordedLoad, health: Health, redactor: Redactor, *, paired: bool = False
) -> list[Measurement]:
    """The measurement of a scenario, then those of its parts where it is mixed.

    Args:
        scenario: what was sent.
        recorded: what was recorded of it.
        health: the load generator's, in each of the measurements.
        redactor: takes the secrets out of what the target said or was sent.
        paired: whether it was sent in rounds paired with a reference, which is part of the load. Rounds have no
            duration: they are too short for their last responses to be left out of the throughput.
    """

    def measurement(recorder: Recorder, described: Scenario, part: str) -> Measurement:
        identity = MeasurementIdentity(
            scenario=scenario.name,
            part=part,
            endpoint=described.endpoint,
            protocol=_protocol(described),
            scenario_hash=scenario_hash(described),
            load=load_data(described) | ({"paired": True} if paired else {}),
            duration_s=None if paired else _duration_s(described),
        )
        return recorder.measurement(identity, recorded.started_at, health, redactor)

    return [
        measurement(recorded.whole, scenario, ""),
        *(measurement(recorded.parts[name], part, name) for name, part in parts_of(scenario).items() if name),
    ]


def _duration_s(scenario: Scenario) -> float | None:
    """How long the load's profile lasts, of a mixed scenario that of the longest part; None where any has no end."""
    durations = [profile_duration_s(part.load) for part in parts_of(scenario).values()]
    known = [seconds for seconds in durations if seconds is not None]
    return max(known) if len(known) == len(durations) else None


def _protocol(scenario: Scenario) -> Protocol:
    """HTTP where any part of the scenario sends HTTP requests, else WebSocket."""
    is_http = any(isinstance(part, HttpScenario) for part in parts_of(scenario).values())
    return Protocol.HTTP if is_http else Protocol.WEBSOCKET
