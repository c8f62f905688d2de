"""`{{measurement.id}}`: an id that is the same in all requests of one measurement, and of no other."""

from loadtasks.scenarios.model import BroadcastScenario, HttpScenario, MixedScenario, PartScenario, Scenario, parts_of


def identified(scenario: Scenario, measurement_id: str) -> Scenario:
    """A copy of a scenario with the measurement's id in its requests. The scenario's hash is that of the original."""
    if isinstance(scenario, MixedScenario):
        parts = {name: _identified(part, measurement_id) for name, part in parts_of(scenario).items()}
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
