"""Scenarios: what is sent, what must come back, and under which load. docs/scenarios.md describes the files."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from loadtasks.request_path import check_path
from loadtasks.scenarios.feeder import MAX_BYTES, MAX_REQUESTS, Feeder
from loadtasks.scenarios.load import BroadcastLoad, ConnectionsLoad, HttpLoad
from loadtasks.scenarios.numbers import WrittenFloat
from loadtasks.scenarios.template import Row, columns_in, fill, fill_path, fill_text, identify
from loadtasks.scenarios.values import (
    Bound,
    Headers,
    Json,
    JsonPath,
    Parameter,
    Path,
    Pattern,
    Seconds,
    Status,
    Warmup,
    check_header_value,
    shortened,
)

CONNECT_TIMEOUT_S = 10.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods whose requests change nothing at the target (RFC 9110, section 9.2.1)."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class JsonCheck(_Part):
    """What must hold of one value of a JSON body."""

    equals: Json = None
    type: Literal["object", "array", "string", "number", "integer", "boolean", "null"] | None = None
    minimum: Bound | None = None
    """Of a number; whatever is none fails."""
    maximum: Bound | None = None
    length: Annotated[int, Field(ge=0, lt=2**53, strict=True)] | None = None
    """Of an array, object or string."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a check of a JSON value needs one of: equals, type, minimum, maximum, length")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("no number is at least the check's `minimum` and at most its `maximum`; swap them")
        return self


class Checks(_Part):
    """What must hold of a response; otherwise the request has failed."""

    status: Status | tuple[Status, ...] | None = None
    """The status, or the ones allowed; any 2xx when left out."""
    headers: dict[str, str] = {}
    """Headers that must be there with exactly this value."""
    json_values: dict[JsonPath, JsonCheck] = Field(default={}, alias="json")
    """By dotted path into the body, as in `items.0.id`."""
    body_matches: Pattern | None = None
    """A regular expression to be found in the body."""

    @field_validator("status")
    @classmethod
    def _one_at_least(cls, status: Any) -> Any:
        if status == ():
            raise ValueError("no status is allowed, so every request would fail; name one")
        return status

    @property
    def reads_body(self) -> bool:
        """Whether the body has to be kept."""
        return bool(self.json_values or self.body_matches)


class Request(_Part):
    """One HTTP request."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    path: Path
    query: dict[str, Parameter | list[Parameter]] = {}
    headers: Headers = {}
    json_body: Json = Field(default=None, alias="json")
    checks: Checks = Checks()

    @field_validator("query", mode="before")
    @classmethod
    def _text_or_number(cls, query: Any) -> Any:
        for name, given in query.items() if isinstance(query, dict) else ():
            for value in given if isinstance(given, list) else [given]:
                if isinstance(value, bool) or not isinstance(value, Parameter):
                    what = f"`{shortened(str(name))}` is {shortened(str(value))}, neither text nor a number"
                    raise ValueError(f"{what}; put it in quotes")  # noqa: TRY004 - pydantic's
                if isinstance(value, WrittenFloat) and not value.is_sent_as_written:
                    written = f"`{shortened(str(name))}` is {shortened(value.written)}"
                    raise ValueError(f"{written}, which would be sent as {value!r}; put it in quotes")
        return query

    def columns(self) -> frozenset[str]:
        """The columns that its placeholders name."""
        return frozenset(columns_in([self.path, self.query, self.headers, self.json_body]))

    def of_measurement(self, measurement_id: str) -> Self:
        """A copy of the request with the id of the measurement filled in."""
        fields = ("path", "query", "headers", "json_body")
        return self.model_copy(update={name: identify(getattr(self, name), measurement_id) for name in fields})

    def fed(self, row: Row) -> Self:
        """A copy of the request with its placeholders filled from a row."""
        return self.model_copy(
            update={
                "path": fill_path(self.path, row),
                "query": {name: _fill_parameter(value, row) for name, value in self.query.items()},
                "headers": {name: fill_text(value, row) for name, value in self.headers.items()},
                "json_body": fill(self.json_body, row),
            }
        )


def _fill_parameter(value: Any, row: Row) -> Any:
    if isinstance(value, list):
        return [_fill_parameter(item, row) for item in value]
    return fill_text(value, row) if isinstance(value, str) else value


class ReadBack(_Part):
    """After every request, GET this path and compare its JSON with what was sent. Not timed; a difference fails."""

    path: Path

    def columns(self) -> frozenset[str]:
        """The columns that its placeholders name."""
        return frozenset(columns_in(self.path))

    def of_measurement(self, measurement_id: str) -> Self:
        """A copy with the id of the measurement filled in."""
        return self.model_copy(update={"path": identify(self.path, measurement_id)})


class _Scenario(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    """`endpoint.profile`"""
    endpoint: str
    timeout_s: Seconds = 30.0
    connect_timeout_s: Seconds = CONNECT_TIMEOUT_S
    """Until a connection stands, TLS included."""
    control: bool = False
    """Whether it exercises something that is not the API's, so that it shows what the environment did."""


def _named(columns: frozenset[str]) -> str:
    return f"`{{{{{shortened(min(columns))}}}}}`"


class HttpScenario(_Scenario):
    """Requests, cycled through in order, under one load profile."""

    kind: Literal["http"] = "http"
    requests: tuple[Request, ...]
    load: HttpLoad
    warmup_requests: Warmup = 10
    """Sent before the measurement, over the same connections, and not counted."""
    scales: bool = True
    """Whether the load factor of a run multiplies the load."""
    read_back: ReadBack | None = None
    feeder: Feeder | None = None

    @model_validator(mode="after")
    def _columns_are_fed(self) -> Self:
        columns = frozenset[str]().union(*(request.columns() for request in self.requests))
        if self.read_back is not None:
            columns |= self.read_back.columns()
        if self.feeder is None:
            if columns:
                raise ValueError(f"{_named(columns)} names a column, but there is no `feeder`")
            return self
        for column in sorted(columns):
            self.feeder.check_column(column)
        self._check_fed(self.feeder)
        return self

    def _check_fed(self, feeder: Feeder) -> None:
        """See that what the rows make of the requests can be sent, and held in memory."""
        count = len(feeder.rows) * len(self.requests)
        size = sum(len(request.model_dump_json()) for request in self.requests) * len(feeder.rows)
        size += feeder.size * len(self.requests)
        if count > MAX_REQUESTS or size > MAX_BYTES:
            raise ValueError(
                f"{feeder.file}: {len(feeder.rows):,} rows make {count:,} requests of about {size / 2**20:.0f} MiB "
                f"together; at most {MAX_REQUESTS:,} of {MAX_BYTES >> 20} MiB are possible, so give it fewer rows"
            )
        headers = {value for request in self.requests for value in request.headers.values() if any(columns_in(value))}
        read = [self.read_back.path] if self.read_back is not None else []
        paths = {path for path in [*(request.path for request in self.requests), *read] if any(columns_in(path))}
        for number, row in enumerate(feeder.rows, 1):
            try:
                for value in headers:
                    check_header_value(fill_text(identify(value, ""), row))
                for path in paths:
                    check_path(fill_path(identify(path, "x"), row))
            except ValueError as error:
                raise ValueError(f"row {number} of {feeder.file}: {error}") from error

    def scaled(self, factor: float) -> Self:
        """The same scenario under `factor` times the load."""
        return self.model_copy(update={"load": self.load.scaled(factor)}) if self.scales else self


class ConnectionsScenario(_Scenario):
    """WebSockets opened at once."""

    kind: Literal["connections"] = "connections"
    path: Path
    load: ConnectionsLoad

    def scaled(self, factor: float) -> Self:
        """The same scenario under `factor` times the load."""
        return self.model_copy(update={"load": self.load.scaled(factor)})


class Publish(_Part):
    """The request that makes the target broadcast one event, and where its response has the event's id."""

    request: Request
    id: JsonPath
    """Dotted path into the JSON of the response."""

    @field_validator("request")
    @classmethod
    def _not_fed(cls, request: Request) -> Request:
        if request.columns():
            raise ValueError(f"{_named(request.columns())}: a publishing request has no feeder")
        return request


class Event(_Part):
    """Which WebSocket messages are the published events."""

    where: dict[JsonPath, Json] = {}
    """By dotted path: values that a message must have to count."""
    id: JsonPath
    """Dotted path to the id that the publisher's response has."""


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
    """Other scenarios at the same time; each is a part, reported by its name."""

    kind: Literal["mixed"] = "mixed"
    parts: dict[str, PartScenario]

    def scaled(self, factor: float) -> Self:
        """The same scenario under `factor` times the load."""
        return self.model_copy(update={"parts": {name: part.scaled(factor) for name, part in self.parts.items()}})


Scenario = HttpScenario | ConnectionsScenario | BroadcastScenario | MixedScenario


def parts_of(scenario: Scenario) -> dict[str, PartScenario]:
    """The parts of a mixed scenario by name; any other scenario is its own single part, named ""."""
    return scenario.parts if isinstance(scenario, MixedScenario) else {"": scenario}


def uses_up_rows(scenario: Scenario) -> bool:
    """Whether a row of a feeder may be sent once only: a fed request deletes something, or makes it."""
    repeatable = SAFE_METHODS | {"PUT"}
    return any(
        bool(request.columns()) and request.method not in repeatable
        for part in parts_of(scenario).values()
        if isinstance(part, HttpScenario)
        for request in part.requests
    )
