"""Scenario files: one YAML file an endpoint, read and checked whole before anything is sent."""

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from loadtasks.errors import BadInputError
from loadtasks.scenarios.load import BroadcastLoad, ClosedLoad, ConnectionsLoad, OpenLoad, PositiveSeconds, StagesLoad
from loadtasks.scenarios.model import (
    BroadcastScenario,
    ConnectionsScenario,
    Event,
    HttpScenario,
    MixedScenario,
    Path,
    Publish,
    ReadBack,
    Request,
    Scenario,
)

PACKAGED = FilePath(__file__).parent
"""The scenarios of the shipped API."""

_LOADS: dict[str, type[BaseModel]] = {
    "workers": ClosedLoad,
    "rate": OpenLoad,
    "stages": StagesLoad,
    "connections": ConnectionsLoad,
    "listeners": BroadcastLoad,
}
"""Which key of a `load` says which profile it is; looked for from the last to the first."""


class _WrongFieldError(Exception):
    """What is wrong with one field."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(what)
        self.field = field

    @classmethod
    def first_of(cls, error: ValidationError, within: str = "") -> "_WrongFieldError":
        """The first problem that pydantic found, in our words."""
        problem = error.errors()[0]
        field = _joined(within, *(str(step) for step in problem["loc"]))
        if problem["type"] == "extra_forbidden":
            return cls(field, "unknown key; docs/scenarios.md lists the known ones")
        if problem["type"] == "missing":
            return cls(field, "missing")
        message = problem["msg"].removeprefix("Value error, ")
        given = problem["input"]
        shown = f" (it is {given!r})" if isinstance(given, str | int | float | bool) else ""
        return cls(field, f"{message[0].lower()}{message[1:]}{shown}")


class _Entry(BaseModel):
    """One scenario as it stands in a file."""

    model_config = ConfigDict(extra="forbid")

    load: dict[str, Any] | None = None
    request: Request | None = None
    requests: list[Request] | None = Field(default=None, min_length=1)
    read_back: ReadBack | None = None
    warmup_requests: int | None = Field(default=None, ge=0)
    timeout_s: PositiveSeconds | None = None
    websocket: Path | None = None
    publish: Publish | None = None
    event: Event | None = None
    parts: dict[str, "_PartEntry"] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _either(self) -> "_Entry":
        if self.request and self.requests:
            raise ValueError("give either `request` or `requests`")
        return self


class _PartEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scenario: str
    load: dict[str, Any] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    endpoint: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    request: Request | None = None
    websocket: Path | None = None
    scenarios: dict[str, _Entry] = Field(min_length=1)


def read_scenarios(folder: FilePath) -> dict[str, Scenario]:
    """Every scenario of a folder by name, in the order of the files and within them.

    Raises:
        BadInputError: no folder, no scenario in it, or a file that is wrong; the sentence names file and field.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no such folder; --scenarios names a folder of scenario files (*.yaml).")
    files = {path: _read_file(path) for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])}
    if not files:
        raise BadInputError(f"{folder}: no scenario file (*.yaml) in it; docs/scenarios.md shows how to write one.")
    scenarios: dict[str, Scenario] = {}
    entries = [
        (path, file, profile, entry) for path, file in files.items() for profile, entry in file.scenarios.items()
    ]
    # Mixed scenarios name others, so they are built when those are there.
    for path, file, profile, entry in sorted(entries, key=lambda each: each[3].parts is not None):
        name = f"{file.endpoint}.{profile}"
        if name in scenarios:
            raise BadInputError(f"{path}: scenario {name} stands in another file too; give it another profile name.")
        try:
            scenarios[name] = _build(name, file, entry, scenarios)
        except _WrongFieldError as error:
            raise BadInputError(f"{path}: {_joined('scenarios', profile, error.field)}: {error}.") from error
    return scenarios


def select(scenarios: dict[str, Scenario], names: Sequence[str] | None) -> list[Scenario]:
    """The scenarios named (a whole endpoint by its name alone), in file order; all when none is named.

    Raises:
        BadInputError: a name that no scenario has.
    """
    if not names:
        return list(scenarios.values())
    wanted: set[str] = set()
    for name in names:
        found = {each for each, scenario in scenarios.items() if name in (each, scenario.endpoint)}
        if not found:
            raise BadInputError(f"{name}: no such scenario; there are {', '.join(scenarios)}.")
        wanted |= found
    return [scenario for name, scenario in scenarios.items() if name in wanted]


def _read_file(path: FilePath) -> _File:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: can't be read ({error}).") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise BadInputError(f"{path}:{line} not YAML: {getattr(error, 'problem', error)}.") from error
    if not isinstance(content, dict):
        raise BadInputError(f"{path}: a scenario file is a mapping with `endpoint` and `scenarios`.")
    try:
        return _File.model_validate(content)
    except ValidationError as error:
        wrong = _WrongFieldError.first_of(error)
        raise BadInputError(f"{path}: {_joined(wrong.field)}{': ' if wrong.field else ''}{wrong}.") from error


def _build(name: str, file: _File, entry: _Entry, known: dict[str, Scenario]) -> Scenario:
    common: dict[str, Any] = {"name": name, "endpoint": file.endpoint}
    if entry.timeout_s is not None:
        common["timeout_s"] = entry.timeout_s
    if entry.parts is not None:
        return MixedScenario(parts={kind: _part(kind, part, known) for kind, part in entry.parts.items()}, **common)
    load = _load(entry.load)
    if isinstance(load, ConnectionsLoad | BroadcastLoad):
        path = entry.websocket or file.websocket
        if path is None:
            raise _WrongFieldError("", "needs `websocket`, the path to connect to")
        if isinstance(load, ConnectionsLoad):
            return ConnectionsScenario(path=path, load=load, **common)
        if entry.publish is None or entry.event is None:
            raise _WrongFieldError(
                "", "a broadcast needs `publish` (what makes an event) and `event` (how it is known again)"
            )
        return BroadcastScenario(path=path, load=load, publish=entry.publish, event=entry.event, **common)
    own = entry.requests or ([entry.request] if entry.request else None) or ([file.request] if file.request else None)
    if own is None:
        raise _WrongFieldError("", "needs `request` or `requests`, here or at the top of the file")
    if entry.warmup_requests is not None:
        common["warmup_requests"] = entry.warmup_requests
    return HttpScenario(requests=tuple(own), load=load, read_back=entry.read_back, **common)


def _part(kind: str, part: _PartEntry, known: dict[str, Scenario]) -> Any:
    scenario = known.get(part.scenario)
    if scenario is None or isinstance(scenario, MixedScenario):
        raise _WrongFieldError(f"parts.{kind}.scenario", f"{part.scenario} is no scenario that can be a part")
    update: dict[str, Any] = {}
    if part.load is not None:
        load = _load(part.load)
        if isinstance(load, ClosedLoad | OpenLoad | StagesLoad) != isinstance(scenario, HttpScenario) or (
            not isinstance(scenario, HttpScenario) and type(load) is not type(scenario.load)
        ):
            raise _WrongFieldError(f"parts.{kind}.load", f"{part.scenario} has another kind of load")
        update["load"] = load
    if isinstance(scenario, HttpScenario):
        update["read_back"] = None  # others write at the same time, so what is read back proves nothing
    return scenario.model_copy(update=update)


def _load(raw: dict[str, Any] | None) -> Any:
    if raw is None:
        raise _WrongFieldError("", "needs `load`")
    for key in reversed(_LOADS):
        if key in raw:
            try:
                return _LOADS[key].model_validate(raw)
            except ValidationError as error:
                raise _WrongFieldError.first_of(error, "load") from error
    raise _WrongFieldError("load", f"needs one of {', '.join(_LOADS)}")


def _joined(*steps: str) -> str:
    return ".".join(step for step in steps if step)
