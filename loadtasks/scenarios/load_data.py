"""The load of a scenario as data: what a measurement keeps of it, and what people read of it is made from.

It is the content that a scenario's hash is made of, less what people don't read. Its names never change, since stored
measurements are compared by it. `model` says which profile it is. Numbers have six significant digits; the hash holds
them exactly.
"""

from typing import Any

from loadtasks.scenarios.load import BroadcastLoad, Load
from loadtasks.scenarios.model import MixedScenario, Scenario

Data = dict[str, Any]

_LIMITS = frozenset({"max_connections", "patience_s", "max_duration_s"})
"""They say when the engine gives up, and not what the load is."""


def load_data(scenario: Scenario) -> Data:
    """The load of a scenario: of a mixed one that of each part by its name."""
    if isinstance(scenario, MixedScenario):
        return {"model": "mixed", "parts": {name: _data(part.load) for name, part in scenario.parts.items()}}
    return _data(scenario.load)


def _data(load: Load) -> Data:
    if isinstance(load, BroadcastLoad) and load.events is None:
        return {"model": "broadcast", "listeners": load.listeners, "publishing": _data(load.publishing)}
    content = load.content()
    if content.get("arrivals") == "constant":
        content = _without(content, "arrivals", "seed")
    if pause := content.get("think_time_s"):
        content["think_time_s"] = _without(pause, "seed") if pause["mean"] is None and _fixed(pause) else pause
    rounded: Data = _rounded(_without(content, *_LIMITS))
    return rounded


def _fixed(pause: Data) -> bool:
    return bool(pause["min"] == pause["max"])


def _without(content: Data, *names: str) -> Data:
    return {name: value for name, value in content.items() if name not in names}


def _rounded(value: Any) -> Any:
    """A JSON value with rounded numbers; what is None within an object is left out."""
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:g}") if isinstance(value, float) else value
