"""The load of a scenario as data: what a measurement keeps of it, and what people read of it is made from.

Like the content of a scenario's hash, the data has names that never change, since stored measurements are compared by
it. `model` says which profile it is. Numbers have six significant digits; the scenario's hash holds them exactly.
"""

from typing import Any

from loadtasks.scenarios.load import (
    AnyClosedLoad,
    AnyOpenLoad,
    BroadcastLoad,
    ClosedProfile,
    ConnectionsLoad,
    Load,
    OpenProfile,
    StagesLoad,
    WorkerStagesLoad,
)
from loadtasks.scenarios.model import MixedScenario, Scenario
from loadtasks.scenarios.think_time import ThinkTime

Data = dict[str, Any]


def load_data(scenario: Scenario) -> Data:
    """The load of a scenario: of a mixed one that of each part by its name."""
    if isinstance(scenario, MixedScenario):
        return {"model": "mixed", "parts": {name: _data(part.load) for name, part in scenario.parts.items()}}
    return _data(scenario.load)


def _data(load: Load) -> Data:
    match load:
        case ClosedProfile():
            return _closed(load) | _thinking(load.think_time_s)
        case OpenProfile():
            return _open(load)
        case ConnectionsLoad():
            opened: Data = {"model": "connections", "connections": load.connections}
            return opened | ({"hold_s": _rounded(load.hold_s)} if load.hold_s else {})
        case BroadcastLoad():
            listening: Data = {"model": "broadcast", "listeners": load.listeners}
            if load.events is not None:
                return listening | {"events": load.events, "rate": _rounded(load.rate or 0.0)}
            return listening | {"publishing": _open(load.publishing)}


def _closed(load: AnyClosedLoad) -> Data:
    if isinstance(load, WorkerStagesLoad):
        stages = [{"workers": stage.workers, "duration_s": _rounded(stage.duration_s)} for stage in load.stages]
        return {"model": "worker_stages", "start_workers": load.start_workers, "stages": stages}
    ends = {"requests": load.requests} if load.requests else {"duration_s": _rounded(load.duration_s or 0.0)}
    return {"model": "closed", "workers": load.workers} | ends


def _open(load: AnyOpenLoad) -> Data:
    if isinstance(load, StagesLoad):
        stages = [{"rate": _rounded(stage.rate), "duration_s": _rounded(stage.duration_s)} for stage in load.stages]
        return {"model": "stages", "start_rate": _rounded(load.start_rate), "stages": stages}
    steady: Data = {"model": "open", "rate": _rounded(load.rate), "duration_s": _rounded(load.duration_s)}
    return steady | ({"arrivals": "poisson", "seed": load.seed} if load.arrivals == "poisson" else {})


def _thinking(think_time: ThinkTime | None) -> Data:
    if think_time is None:
        return {}
    if think_time.mean is not None:
        return {"think_time_s": {"mean": _rounded(think_time.mean), "seed": think_time.seed}}
    low, high = _rounded(think_time.min or 0.0), _rounded(think_time.max or 0.0)
    if think_time.min == think_time.max:
        return {"think_time_s": {"min": low, "max": high}}
    return {"think_time_s": {"min": low, "max": high, "seed": think_time.seed}}


def _rounded(number: float) -> float:
    return float(f"{number:g}")
