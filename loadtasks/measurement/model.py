"""What one scenario showed in one run: counts, three histograms, statuses, errors, phases, and the generator's health.

The histograms hold the requests whose response passed every check, and those that never got one (timed out, dropped, in
flight at the deadline), with the time they had waited. Requests that failed in another way, as by a refused connection
or an error status, are counted by their error code but not timed: a fast error must not make an API look fast.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveFloat, computed_field

from loadtasks.measurement.availability import Availability
from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.health import Health
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.metrics import METRICS, values_of
from loadtasks.measurement.target_metrics import TargetMetrics

MEASUREMENT_VERSION = 1
"""How measured values come about. It is part of a measurement's fingerprint, so runs of different versions are never
compared: raise it only when the same target under the same load would show other values than before, as after a change
of what is timed. A release, a new metric or a renamed field is no reason."""
SERVER = "server:"
"""The prefix of the names of phases that the target reports in its Server-Timing header."""


NAME_RESOLUTION = "name_resolution"
"""The phase in which a target's name is resolved; none of an address."""


class Counts(BaseModel):
    """Where every scheduled request ended.

    Conservation: scheduled = completed + throttled + failed + internal errors + dropped + in flight.
    """

    model_config = ConfigDict(frozen=True)

    scheduled: NonNegativeInt
    completed: NonNegativeInt
    """Got a response that passed every check."""
    throttled: NonNegativeInt
    """Turned away by a limit of the target: 429 or 503 with `Retry-After` (RFC 6585, RFC 9110). Neither timed nor a
    failure: it shows how much the target admits, not how well it responds."""
    failed: NonNegativeInt
    """Got a wrong response, or none: refused, cut or timed out."""
    internal_errors: NonNegativeInt = 0
    """Could not be processed because of a mistake of the load engine, whatever the target did."""
    dropped: NonNegativeInt
    """Found no free connection within its queue timeout, and was never sent."""
    in_flight: NonNegativeInt
    """Sent, and still without a response when the measurement ended."""

    @property
    def conservation_gap(self) -> int:
        """Requests unaccounted for; 0 unless the engine is wrong."""
        ended = self.completed + self.throttled + self.failed + self.internal_errors + self.dropped + self.in_flight
        return self.scheduled - ended

    @property
    def success_rate(self) -> float | None:
        """Completed of those that no limit turned away and the engine didn't fail on, 0 to 1; None without any."""
        admitted = self.scheduled - self.throttled - self.internal_errors
        return self.completed / admitted if admitted else None


class Protocol(StrEnum):
    """What a scenario speaks. A mixed scenario as a whole is `http` unless all of its parts are WebSockets."""

    HTTP = "http"
    WEBSOCKET = "websocket"


class Phase(BaseModel):
    """Times of one phase of the requests, summed: the client's own, or one of the target's Server-Timing."""

    model_config = ConfigDict(frozen=True)

    count: NonNegativeInt
    total_s: NonNegativeFloat
    max_s: NonNegativeFloat
    outcomes: dict[str, int] = {}
    """How often the phase had which outcome, where the target reports it (`desc`), as a cache's `hit` and `miss`."""

    @property
    def mean_s(self) -> float | None:
        """Mean in seconds; None when the phase never occurred."""
        return self.total_s / self.count if self.count else None

    @property
    def hit_ratio(self) -> float | None:
        """The share of a cache's look-ups that hit, 0 to 1; None where the target reports no `hit` or `miss`."""
        lookups = sum(self.outcomes.values())
        known = "hit" in self.outcomes or "miss" in self.outcomes
        return self.outcomes.get("hit", 0) / lookups if known else None


class Exemplar(BaseModel):
    """A single request kept as an example: one of the slowest, to be found in the target's own logs and traces."""

    model_config = ConfigDict(frozen=True)

    request: str
    """Method and path."""
    due_s: float
    """Seconds after the measurement's first request."""
    response_s: float
    service_s: float
    status: int
    """0 where no response came."""
    request_id: str | None
    """`X-Request-ID` of the response."""
    traceparent: str | None
    """What was sent (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""


class UnreachableAddress(BaseModel):
    """An address of the target's name that took no connection while another one did."""

    model_config = ConfigDict(frozen=True)

    address: str
    code: ErrorCode
    """`refused`, `connect_timeout` or `unreachable`."""


class Measurement(BaseModel):
    """One scenario in one run, or one part of a mixed scenario. Times in seconds."""

    model_config = ConfigDict(frozen=True)

    scenario: str
    """`endpoint.profile`, as in `dashboard.sustained`."""
    part: str = ""
    """The part of a mixed scenario, as in `sessions`; empty for the whole."""
    endpoint: str
    """The endpoint whose targets this measurement is held to."""
    protocol: Protocol
    """What the scenario, or the part, speaks."""
    scenario_hash: str
    """Fingerprint of what was sent and under which load; only equal ones are compared."""
    load: dict[str, Any]
    """The load as data, under names that never change: `model`, the numbers of that profile, and `paired` where it was
    driven in rounds with a reference. `loadtasks.report.load_sentence` words it."""
    started_at: datetime
    elapsed_s: NonNegativeFloat
    """From the first request to the last response."""
    duration_s: PositiveFloat | None = None
    """How long the profile sends; None where a number of requests ends it, in paired rounds, and of what was measured
    before this was kept."""
    counts: Counts
    response: Histogram
    """end - due"""
    service: Histogram
    """end - sent"""
    send_lag: Histogram
    """sent - due"""
    statuses: dict[str, int]
    """Responses by HTTP status, and closed WebSockets by close code."""
    errors: list[ErrorCount]
    """By code, most frequent first."""
    phases: dict[str, Phase]
    """Of every completed request `waiting` (from due to sent), `first_byte` and `body`; of the target's name
    `name_resolution` (by each process and part once, and in each paired round); of connections `connect`; of
    WebSockets `connect` (until the upgrade was accepted, `upgrade` being its part since TCP and TLS stood) and
    `first_message`; of published events `publish` (until the response), `first_delivery` (until the first listener had
    it) and `fan_out` (from the first listener to the last); and `server:NAME` for each Server-Timing."""
    stale_connections: int = 0
    """Requests that were sent once more over a fresh connection, since the target had closed the idle one. Each is one
    request all the same, timed from its first sending."""
    unreachable_addresses: list[UnreachableAddress] = []
    body_bytes: NonNegativeInt = 0
    """Of the bodies of completed requests."""
    stragglers: NonNegativeInt = 0
    """Completed after the profile's duration: they count in the times, and not in the throughput. Of a mixed scenario
    those of its parts, each after its own duration."""
    availability: Availability | None = None
    """None of a load that lasts less than 2 s, of WebSockets that are only opened, and of what was measured before this
    was."""
    target_metrics: TargetMetrics | None = None
    """The target's own metrics before and after; of the whole alone, None where the target has none."""
    exemplars: list[Exemplar]
    """The slowest requests, slowest first."""
    health: Health

    @property
    def label(self) -> str:
        """How people read it: `mixed.concurrent (sessions)`."""
        return label_of(self.scenario, self.part)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def metrics(self) -> dict[str, int | float | None]:
        """The value of each metric of the registry (`loadtasks.measurement.metrics.METRICS`)."""
        return values_of(self)

    @property
    def success_rate(self) -> float | None:
        """Completed of those that no limit turned away, 0 to 1."""
        return self.counts.success_rate

    @property
    def conservation_gap(self) -> int:
        """Requests unaccounted for; 0 unless the engine is wrong."""
        return self.counts.conservation_gap

    @property
    def throughput_per_s(self) -> float | None:
        """Completed requests a second: within the profile's duration, or until the last response where it has none.

        None where no time passed.
        """
        if self.duration_s is not None:
            return (self.counts.completed - self.stragglers) / self.duration_s
        return self.counts.completed / self.elapsed_s if self.elapsed_s > 0 else None

    @property
    def mean_s(self) -> float | None:
        """Mean response time."""
        return self.response.mean_s

    @property
    def p50_s(self) -> float | None:
        """Median response time."""
        return metric(self, "p50_s")

    @property
    def p95_s(self) -> float | None:
        """95th percentile of the response time."""
        return metric(self, "p95_s")

    @property
    def max_s(self) -> float | None:
        """Longest response time."""
        return self.response.max_s

    @property
    def connect_mean_s(self) -> float | None:
        """Mean time to open a connection (for WebSockets until the upgrade was accepted)."""
        return self.phase_mean_s("connect")

    def phase_mean_s(self, name: str) -> float | None:
        """Mean time of a phase; None where it never occurred."""
        phase = self.phases.get(name)
        return phase.mean_s if phase is not None else None


def metric(measurement: Measurement, name: str) -> float | None:
    """The value of one metric of the registry; None where the measurement has none.

    Raises:
        KeyError: no such metric.
    """
    return METRICS[name].value(measurement)


def label_of(scenario: str, part: str) -> str:
    """How people read a scenario, or a part of a mixed one: `mixed.concurrent (sessions)`."""
    return f"{scenario} ({part})" if part else scenario


def by_scenario(measurements: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    """Measurements by their scenario, in the order given."""
    found: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        found.setdefault(measurement.scenario, []).append(measurement)
    return found
