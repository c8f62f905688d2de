"""Scenarios built from the entries of a file, and checked."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from loadtasks.scenarios.entry import Entry, File, PartEntry, WrongFieldError
from loadtasks.scenarios.feeder import Feeder
from loadtasks.scenarios.load import LOADS, BroadcastLoad, ClosedProfile, ConnectionsLoad, OpenProfile, WorkerStagesLoad
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    HttpScenario,
    MixedScenario,
    ReadBack,
    Request,
    Scenario,
)

_HTTP_LOADS = (ClosedProfile, OpenProfile)
_MIXED_KEYS = frozenset({"parts", "control"})
_CONNECTIONS_KEYS = frozenset({"load", "websocket", "timeout_s", "connect_timeout_s", "control"})
_BROADCAST_KEYS = _CONNECTIONS_KEYS | {"publish", "event"}
_HTTP_KEYS = frozenset(
    {
        "load",
        "request",
        "requests",
        "feeder",
        "read_back",
        "warmup_requests",
        "scales",
        "control",
        "timeout_s",
        "connect_timeout_s",
    }
)


def build(name: str, path: Path, file: File, entry: Entry, known: dict[str, Scenario]) -> Scenario:
    """The scenario of one entry of a file.

    Raises:
        WrongFieldError: something is wrong; it names the field.
    """
    common: dict[str, Any] = {"name": name, "endpoint": file.endpoint, "control": bool(entry.control)}
    if entry.parts is not None:
        entry.check_keys("a mixed scenario, whose parts bring their own", _MIXED_KEYS)
        return MixedScenario(parts={part: _part(part, given, known) for part, given in entry.parts.items()}, **common)
    load = _load(entry.load)
    for key in ("timeout_s", "connect_timeout_s", "warmup_requests", "scales"):
        if getattr(entry, key) is not None:
            common[key] = getattr(entry, key)
    try:
        if isinstance(load, ConnectionsLoad):
            return _connections(load, file, entry, common)
        if isinstance(load, BroadcastLoad):
            return _broadcast(load, file, entry, common)
        return _http(load, path, file, entry, common)
    except ValidationError as error:
        raise WrongFieldError.first_of(error) from error


def _connections(load: ConnectionsLoad, file: File, entry: Entry, common: dict[str, Any]) -> ConnectionsScenario:
    entry.check_keys("a load of `connections`", _CONNECTIONS_KEYS)
    return ConnectionsScenario(path=_websocket(file, entry), load=load, **common)


def _broadcast(load: BroadcastLoad, file: File, entry: Entry, common: dict[str, Any]) -> BroadcastScenario:
    entry.check_keys("a load of `listeners`", _BROADCAST_KEYS)
    path = _websocket(file, entry)
    if entry.publish is None or entry.event is None:
        raise WrongFieldError(
            "",
            "a broadcast needs `publish` (the request that makes an event) and `event` (how to recognise its messages)",
        )
    return BroadcastScenario(path=path, load=load, publish=entry.publish, event=entry.event, **common)


def _websocket(file: File, entry: Entry) -> str:
    path = entry.websocket or file.websocket
    if path is None:
        raise WrongFieldError("", "needs `websocket`, the path to connect to")
    return path


def _http(load: Any, path: Path, file: File, entry: Entry, common: dict[str, Any]) -> HttpScenario:
    entry.check_keys("a load of HTTP requests", _HTTP_KEYS)
    own = entry.requests or ([entry.request] if entry.request else None) or ([file.request] if file.request else None)
    if own is None:
        raise WrongFieldError("", "needs `request` or `requests`, here or at the top of the file")
    if entry.read_back is not None and isinstance(load, OpenProfile):
        raise WrongFieldError(
            "read_back", "needs a closed load (`workers`): in an open one, requests overtake one another"
        )
    if entry.read_back is not None and all(request.json_body is None for request in own):
        raise WrongFieldError("read_back", "no request sends `json`, so there is nothing to compare with")
    templates: list[Request | ReadBack] = [*own, *([entry.read_back] if entry.read_back else [])]
    needs_feeder = any(template.columns() for template in templates)
    if entry.feeder and not needs_feeder:
        raise WrongFieldError("feeder", "no request names a column of it; write `{{column}}` into one")
    feeder = _feeder(path, file, entry) if needs_feeder else None
    return HttpScenario(requests=tuple(own), load=load, read_back=entry.read_back, feeder=feeder, **common)


def _feeder(path: Path, file: File, entry: Entry) -> Feeder | None:
    given = entry.feeder or file.feeder
    if given is None:
        return None
    try:
        return Feeder.read(path.parent / given.file, order=given.order, seed=given.seed, secret=given.secret)
    except ValueError as error:
        raise WrongFieldError("feeder", str(error)) from error


def _part(name: str, given: PartEntry, known: dict[str, Scenario]) -> Any:
    scenario = known.get(given.scenario)
    if scenario is None or isinstance(scenario, MixedScenario):
        raise WrongFieldError(f"parts.{name}.scenario", f"{given.scenario} is not a scenario that can be a part")
    update: dict[str, Any] = {}
    if given.load is not None:
        load = _load(given.load)
        if isinstance(load, _HTTP_LOADS) != isinstance(scenario, HttpScenario) or (
            not isinstance(scenario, HttpScenario) and type(load) is not type(scenario.load)
        ):
            raise WrongFieldError(f"parts.{name}.load", f"{given.scenario} has a load of another type")
        update["load"] = load
    if isinstance(scenario, HttpScenario):
        update["read_back"] = None  # other parts write at the same time, so reading back proves nothing
    return scenario.model_copy(update=update)


def _load(raw: dict[str, Any] | None) -> Any:
    if raw is None:
        raise WrongFieldError("", "needs `load`")
    for key in reversed(LOADS):
        if key in raw:
            profile = WorkerStagesLoad if key == "stages" and _ramps_workers(raw) else LOADS[key]
            try:
                return profile.model_validate(raw)
            except ValidationError as error:
                raise WrongFieldError.first_of(error, "load") from error
    raise WrongFieldError("load", f"needs one of {', '.join(LOADS)}")


def _ramps_workers(raw: dict[str, Any]) -> bool:
    stages = raw["stages"]
    first = stages[0] if isinstance(stages, list) and stages else None
    return "start_workers" in raw or (isinstance(first, dict) and "workers" in first)
