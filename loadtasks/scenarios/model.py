"""Scenarios: what is sent, what must come back, and under which load. docs/scenarios.md describes the files."""

import hashlib
import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from loadtasks.scenarios.load import BroadcastLoad, ConnectionsLoad, HttpLoad, PositiveSeconds

Status = Annotated[int, Field(ge=100, le=599)]


def _pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("a path starts with `/`; the host comes from the target")
    return path


Path = Annotated[str, AfterValidator(_absolute)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class JsonCheck(_Part):
    """What must hold of one value of a JSON body."""

    equals: Any = None
    type: Literal["object", "array", "string", "number", "boolean", "null"] | None = None
    minimum: float | None = None
    maximum: float | None = None
    length: Annotated[int, Field(ge=0)] | None = None
    """Of an array, object or string."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a check of a JSON value needs one of: equals, type, minimum, maximum, length")
        return self


class Checks(_Part):
    """What must hold of an answer; one that doesn't hold makes the request a failure."""

    status: Status | tuple[Status, ...] | None = None
    """The status, or the ones allowed; any 2xx when left out."""
    headers: dict[str, str] = {}
    """Headers that must be there with exactly this value."""
    json_values: dict[str, JsonCheck] = Field(default={}, alias="json")
    """By dotted path into the body, as in `items.0.id`."""
    body_matches: Annotated[str, AfterValidator(_pattern)] | None = None
    """A regular expression to be found in the body."""

    @property
    def reads_body(self) -> bool:
        """Whether the body has to be kept."""
        return bool(self.json_values or self.body_matches)


class Request(_Part):
    """One HTTP request."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    path: Path
    query: dict[str, str | int | float | list[str | int | float]] = {}
    headers: dict[str, str] = {}
    json_body: Any = Field(default=None, alias="json")
    checks: Checks = Checks()


class ReadBack(_Part):
    """After each request GET this path and compare the JSON with what was sent: untimed; a difference is a failure."""

    path: Path


class _Scenario(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    """`endpoint.profile`"""
    endpoint: str
    timeout_s: PositiveSeconds = 30.0

    @property
    def hash(self) -> str:
        """Fingerprint of all that is sent and of the load: 12 hex digits."""
        canonical = json.dumps(self.model_dump(mode="json", exclude={"name"}), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


class HttpScenario(_Scenario):
    """Requests, cycled through in order, under one load profile."""

    kind: Literal["http"] = "http"
    requests: tuple[Request, ...]
    load: HttpLoad
    warmup_requests: Annotated[int, Field(ge=0)] = 10
    """Sent before the measurement, over the same connections, and not counted."""
    read_back: ReadBack | None = None

    def scaled(self, factor: float) -> Self:
        """The same scenario under `factor` times the load."""
        return self.model_copy(update={"load": self.load.scaled(factor)})


class ConnectionsScenario(_Scenario):
    """WebSockets opened at once."""

    kind: Literal["connections"] = "connections"
    path: Path
    load: ConnectionsLoad

    def scaled(self, factor: float) -> Self:
        """The same scenario under `factor` times the load."""
        return self.model_copy(update={"load": self.load.scaled(factor)})


class Publish(_Part):
    """The request that makes the target broadcast one event, and where its answer tells the event's id."""

    request: Request
    id: str
    """Dotted path into the answer's JSON."""


class Event(_Part):
    """Which WebSocket messages are the published events."""

    where: dict[str, Any] = {}
    """By dotted path: values that a message must have to count."""
    id: str
    """Dotted path to the id that the publisher was told."""


class BroadcastScenario(_Scenario):
    """Listeners on WebSockets, and events published while they listen."""

    kind: Literal["broadcast"] = "broadcast"
    path: Path
    load: BroadcastLoad
    publish: Publish
    event: Event

    def scaled(self, factor: float) -> Self:
        """The same scenario under `factor` times the load."""
        return self.model_copy(update={"load": self.load.scaled(factor)})


PartScenario = Annotated[HttpScenario | ConnectionsScenario | BroadcastScenario, Field(discriminator="kind")]


class MixedScenario(_Scenario):
    """Other scenarios at the same time, reported each by its kind."""

    kind: Literal["mixed"] = "mixed"
    parts: dict[str, PartScenario]

    def scaled(self, factor: float) -> Self:
        """The same scenario under `factor` times the load."""
        return self.model_copy(update={"parts": {kind: part.scaled(factor) for kind, part in self.parts.items()}})


Scenario = HttpScenario | ConnectionsScenario | BroadcastScenario | MixedScenario


def load_sentence(scenario: Scenario) -> str:
    """The load of a scenario in words."""
    if isinstance(scenario, MixedScenario):
        return "at the same time: " + "; ".join(
            f"{kind} {part.load.sentence()}" for kind, part in scenario.parts.items()
        )
    return scenario.load.sentence()


def first_request(scenario: Scenario) -> Request | None:
    """A harmless request of the scenario, to try the token with; None where it has none."""
    if isinstance(scenario, HttpScenario):
        return next((request for request in scenario.requests if request.method in ("GET", "HEAD")), None)
    return None
