"""What one scenario showed in one run: counts, three histograms, statuses, errors, phases, and the generator's health.

The histograms hold the requests that were answered as they should be, and those that never were (timed out, dropped, in
flight at the deadline) with the time they had reached. Requests that failed otherwise, a refused connection or an error
answer, are counted by kind but not timed: a fast error must not make an API look fast.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, computed_field

from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.health import Health
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.target_metrics import TargetMetrics

SERVER = "server:"
"""How the names of phases begin that the target tells of in its Server-Timing header."""


class Counts(BaseModel):
    """Where every scheduled request ended.

    Conservation: scheduled = completed + throttled + failed + dropped + in flight.
    """

    model_config = ConfigDict(frozen=True)

    scheduled: int
    completed: int
    """Answered, and every check held."""
    throttled: int
    """Turned away by a limit of the target: 429 or 503 with `Retry-After` (RFC 6585, RFC 9110). Neither timed nor a
    failure: it says how much the target admits, not how well it answers."""
    failed: int
    """Answered wrongly, refused, cut or timed out."""
    dropped: int
    """Found no connection within its patience and was never sent."""
    in_flight: int
    """Sent, and still unanswered when the measurement was ended."""

    @property
    def conservation_gap(self) -> int:
        """Requests unaccounted for; 0 unless the engine is wrong."""
        ended = self.completed + self.throttled + self.failed + self.dropped + self.in_flight
        return self.scheduled - ended

    @property
    def success_rate(self) -> float | None:
        """Completed of those that no limit turned away, 0 to 1; None when there were none."""
        admitted = self.scheduled - self.throttled
        return self.completed / admitted if admitted else None


class Protocol(StrEnum):
    """What a scenario speaks. A mixed scenario as a whole is `http` unless all of its parts are WebSockets."""

    HTTP = "http"
    WEBSOCKET = "websocket"


class Phase(BaseModel):
    """Times of one phase of the requests, summed: the client's own, or one of the target's Server-Timing."""

    model_config = ConfigDict(frozen=True)

    count: int
    total_s: float
    max_s: float
    outcomes: dict[str, int] = {}
    """How often it went which way, where the target tells (`desc`), as a cache's `hit` and `miss`."""

    @property
    def mean_s(self) -> float | None:
        """Mean in seconds; None when the phase never occurred."""
        return self.total_s / self.count if self.count else None

    @property
    def hit_ratio(self) -> float | None:
        """Of a cache the share of answers that it gave, 0 to 1; None where the target tells no `hit` or `miss`."""
        asked = sum(self.outcomes.values())
        known = "hit" in self.outcomes or "miss" in self.outcomes
        return self.outcomes.get("hit", 0) / asked if known else None


class Exemplar(BaseModel):
    """One of the slowest requests, to be found again in the target's own logs and traces."""

    model_config = ConfigDict(frozen=True)

    request: str
    """Method and path."""
    due_s: float
    """Seconds after the measurement's first request."""
    response_s: float
    service_s: float
    status: int
    """0 where no answer came."""
    request_id: str | None
    """`X-Request-ID` of the answer."""
    traceparent: str | None
    """What was sent (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""


class Measurement(BaseModel):
    """One scenario in one run, or one part of a mixed scenario. Times in seconds."""

    model_config = ConfigDict(frozen=True)

    scenario: str
    """`endpoint.profile`, as in `dashboard.sustained`."""
    part: str = ""
    """The kind within a mixed scenario, as in `sessions`; empty for the whole."""
    endpoint: str
    """The endpoint whose targets this measurement is held to."""
    protocol: Protocol
    """What the scenario, or the part, speaks."""
    scenario_hash: str
    """Fingerprint of what was sent and under which load; only equal ones are compared."""
    load: str
    """The load profile as a sentence."""
    started_at: datetime
    elapsed_s: float
    counts: Counts
    response: Histogram
    """end - due"""
    service: Histogram
    """end - sent"""
    send_lag: Histogram
    """sent - due"""
    statuses: dict[str, int]
    """Answers by HTTP status, or by WebSocket close code."""
    errors: list[ErrorCount]
    """By code, most frequent first."""
    phases: dict[str, Phase]
    """Of every completed request `waiting` (from due to sent), `first_byte` and `body`; of connections `connect`; of
    WebSockets `connect` (until the upgrade was accepted, `upgrade` being its part since TCP and TLS stood) and
    `first_message`; of published events `publish` (until answered), `first_delivery` (until the first listener had it)
    and `fan_out` (from the first listener to the last); and `server:NAME` for each Server-Timing."""
    body_bytes: int = 0
    """Of the bodies of completed requests."""
    target_metrics: TargetMetrics | None = None
    """What the target's own metrics told before and after; of the whole alone, None where it tells none."""
    exemplars: list[Exemplar]
    """The slowest requests, slowest first."""
    health: Health

    @property
    def label(self) -> str:
        """How people read it: `mixed.concurrent (sessions)`."""
        return label_of(self.scenario, self.part)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def success_rate(self) -> float | None:
        """Completed of those that no limit turned away, 0 to 1."""
        return self.counts.success_rate

    @computed_field  # type: ignore[prop-decorator]
    @property
    def conservation_gap(self) -> int:
        """Requests unaccounted for; 0 unless the engine is wrong."""
        return self.counts.conservation_gap

    @computed_field  # type: ignore[prop-decorator]
    @property
    def throughput_per_s(self) -> float | None:
        """Completed requests a second."""
        return self.counts.completed / self.elapsed_s if self.elapsed_s > 0 else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def mean_s(self) -> float | None:
        """Mean response time."""
        return self.response.mean_s

    @computed_field  # type: ignore[prop-decorator]
    @property
    def p50_s(self) -> float | None:
        """Median response time."""
        return self.response.quantile_s(0.50)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def p90_s(self) -> float | None:
        """90th percentile of the response time."""
        return self.response.quantile_s(0.90)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def p95_s(self) -> float | None:
        """95th percentile of the response time."""
        return self.response.quantile_s(0.95)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def p99_s(self) -> float | None:
        """99th percentile of the response time."""
        return self.response.quantile_s(0.99)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def max_s(self) -> float | None:
        """Longest response time."""
        return self.response.max_s

    @computed_field  # type: ignore[prop-decorator]
    @property
    def connect_mean_s(self) -> float | None:
        """Mean time to open a connection (for WebSockets until the upgrade was accepted)."""
        phase = self.phases.get("connect")
        return phase.mean_s if phase else None


METRICS: dict[str, str] = {
    "scheduled": "requests scheduled",
    "completed": "requests completed",
    "throttled": "requests throttled",
    "failed": "requests failed",
    "dropped": "requests dropped",
    "in_flight": "requests in flight at the deadline",
    "conservation_gap": "requests unaccounted for",
    "success_rate": "success rate",
    "throughput_per_s": "throughput",
    "mean_s": "mean",
    "p50_s": "p50",
    "p90_s": "p90",
    "p95_s": "p95",
    "p99_s": "p99",
    "max_s": "max",
    "connect_mean_s": "mean time to connect",
}
"""The numbers of a measurement that targets and comparisons may name, and how people read them."""


def metric(measurement: Measurement, name: str) -> float | None:
    """The value of one of `METRICS`; None where the measurement has none.

    Raises:
        KeyError: no such metric.
    """
    if name not in METRICS:
        raise KeyError(name)
    holder = measurement.counts if name in Counts.model_fields else measurement
    value: float | None = getattr(holder, name)
    return value


def label_of(scenario: str, part: str) -> str:
    """How people read a scenario, or a part of a mixed one: `mixed.concurrent (sessions)`."""
    return f"{scenario} ({part})" if part else scenario


def by_scenario(measurements: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    """Measurements by their scenario, in the order given."""
    found: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        found.setdefault(measurement.scenario, []).append(measurement)
    return found
