"""`{{measurement.id}}`: what tells one measurement from every other, the same in all of its requests."""

from loadtasks.scenarios.model import BroadcastScenario, HttpScenario, MixedScenario, PartScenario, Scenario, parts_of


def identified(scenario: Scenario, measurement_id: str) -> Scenario:
    """A scenario in whose requests the measurement's id is filled in. Its hash is another one: keep the first."""
    if isinstance(scenario, MixedScenario):
        parts = {kind: _identified(part, measurement_id) for kind, part in parts_of(scenario).items()}
        return scenario.model_copy(update={"parts": parts})
    return _identified(scenario, measurement_id)


def _identified(part: PartScenario, measurement_id: str) -> PartScenario:
    match part:
        case HttpScenario():
            requests = tuple(request.of_measurement(measurement_id) for request in part.requests)
            read_back = part.read_back and part.read_back.of_measurement(measurement_id)
            return part.model_copy(update={"requests": requests, "read_back": read_back})
        case BroadcastScenario():
            request = part.publish.request.of_measurement(measurement_id)
            return part.model_copy(update={"publish": part.publish.model_copy(update={"request": request})})
        case _:
            return part
