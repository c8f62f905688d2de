"""What the recorders of a scenario's parts amount to: its measurements, finished."""

from collections.abc import Mapping
from datetime import datetime

from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.health import Health
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.scenarios.model import HttpScenario, Scenario, load_sentence, parts_of


def measurements(
    scenario: Scenario,
    whole: Recorder,
    recorders: Mapping[str, Recorder],
    started_at: datetime,
    health: Health,
    load_suffix: str = "",
) -> list[Measurement]:
    """The measurement of a scenario, then those of its parts where it is mixed.

    Args:
        scenario: what was sent.
        whole: what all parts recorded together.
        recorders: what each part recorded, by its name; of a scenario that isn't mixed the name is empty.
        started_at: when the load began.
        health: the load generator's, in each of the measurements.
        load_suffix: ends the sentences that describe the loads.
    """

    def measurement(recorder: Recorder, described: Scenario, part: str) -> Measurement:
        return recorder.measurement(
            scenario=scenario.name,
            part=part,
            endpoint=described.endpoint,
            protocol=_protocol(described),
            scenario_hash=described.hash,
            load=load_sentence(described) + load_suffix,
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
