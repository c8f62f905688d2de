"""What the recorders of a scenario's parts amount to: its measurements, finished."""

from collections.abc import Mapping
from datetime import datetime

from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.health import Health
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.load_data import load_data
from loadtasks.scenarios.model import HttpScenario, Scenario, parts_of


def measurements(
    scenario: Scenario,
    whole: Recorder,
    recorders: Mapping[str, Recorder],
    started_at: datetime,
    health: Health,
    *,
    paired: bool = False,
) -> list[Measurement]:
    """The measurement of a scenario, then those of its parts where it is mixed.

    Args:
        scenario: what was sent.
        whole: what all parts recorded together.
        recorders: what each part recorded, by its name; of a scenario that isn't mixed the name is empty.
        started_at: when the load began.
        health: the load generator's, in each of the measurements.
        paired: whether it was sent in rounds paired with a reference, which is part of the load.
    """

    def measurement(recorder: Recorder, described: Scenario, part: str) -> Measurement:
        return recorder.measurement(
            scenario=scenario.name,
            part=part,
            endpoint=described.endpoint,
            protocol=_protocol(described),
            scenario_hash=scenario_hash(described),
            load=load_data(described) | ({"paired": True} if paired else {}),
            started_at=started_at,
            health=health,
        )

    return [
        measurement(whole, scenario, ""),
        *(measurement(recorders[name], part, name) for name, part in parts_of(scenario).items() if name),
    ]


def _protocol(scenario: Scenario) -> Protocol:
    """HTTP where any part of the scenario sends HTTP requests, else WebSocket."""
    is_http = any(isinstance(part, HttpScenario) for part in parts_of(scenario).values())
    return Protocol.HTTP if is_http else Protocol.WEBSOCKET
