"""The load of a scenario in words, from the data that is kept of it (`loadtasks.scenarios.load_data`)."""

from collections.abc import Callable, Mapping
from typing import Any

Data = Mapping[str, Any]


def load_sentence(load: Data) -> str:
    """A load as people read it, without its full stop: `100 requests, 10 workers`."""
    # `unknown` is what a database of an early version holds where its sentence could not be read.
    try:
        sentence = _SENTENCES[load["model"]](load)
    except (KeyError, TypeError, ValueError, AttributeError):  # stored by a later version, or edited
        return "a load that this version can't describe"
    return f"{sentence}, in paired rounds with a reference" if load.get("paired") else sentence


def _closed(load: Data) -> str:
    workers = "one after another" if load["workers"] == 1 else f"{load['workers']} workers"
    ends = f"{load['requests']} requests" if "requests" in load else f"{load['duration_s']:g} s"
    return f"{ends}, {workers}{_thinking(load)}"


def _worker_stages(load: Data) -> str:
    steps = ", ".join(f"{stage['workers']} in {stage['duration_s']:g} s" for stage in load["stages"])
    return f"workers from {load['start_workers']} to {steps}{_thinking(load)}"


def _open(load: Data) -> str:
    poisson = f", Poisson arrivals (seed {load['seed']})" if load.get("arrivals") == "poisson" else ""
    return f"{load['rate']:g} requests/s for {load['duration_s']:g} s{poisson}"


def _stages(load: Data) -> str:
    steps = ", ".join(f"{stage['rate']:g}/s in {stage['duration_s']:g} s" for stage in load["stages"])
    return f"from {load['start_rate']:g} requests/s to {steps}"


def _connections(load: Data) -> str:
    longer = f" and {load['hold_s']:g} s longer" if "hold_s" in load else ""
    return f"{load['connections']} connections at once, held until all are open{longer}"


def _broadcast(load: Data) -> str:
    if "publishing" in load:
        return f"publishing {load_sentence(load['publishing'])}, to {load['listeners']} listeners"
    return f"{load['events']} events at {load['rate']:g}/s to {load['listeners']} listeners"


def _mixed(load: Data) -> str:
    return "at the same time: " + "; ".join(f"{name} {load_sentence(part)}" for name, part in load["parts"].items())


def _thinking(load: Data) -> str:
    pause = load.get("think_time_s")
    if pause is None:
        return ""
    if "mean" in pause:
        return f", thinking {pause['mean']:g} s on average (exponential, seed {pause['seed']})"
    if "seed" in pause:
        return f", thinking {pause['min']:g} to {pause['max']:g} s (seed {pause['seed']})"
    return f", thinking {pause['min']:g} s"


_SENTENCES: Mapping[str, Callable[[Data], str]] = {
    "closed": _closed,
    "worker_stages": _worker_stages,
    "open": _open,
    "stages": _stages,
    "connections": _connections,
    "broadcast": _broadcast,
    "mixed": _mixed,
    "unknown": lambda load: str(load["sentence"]),
}
