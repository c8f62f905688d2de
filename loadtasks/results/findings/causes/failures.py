"""Parameters of the causes of throttling and failures, and of the notes about the target's own metrics."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.parameters import Parameters
from loadtasks.results.findings.targets import Throttled


class FailedRequests(Parameters):
    """Requests, connections or deliveries that failed in one way."""

    count: int
    scheduled: int
    sample: str = ""
    """The text of one error; empty where none is known to belong to these."""


class WrongStatus(FailedRequests):
    """Responses with one status that the scenario doesn't expect."""

    status: int


class HangingRequests(FailedRequests):
    """Requests without a response in time, while others are fast."""

    p50_s: float
    """The median response time of the completed requests."""


class RateLimited(Throttled):
    """Requests that a rate limit of the target rejected."""

    target_rejections: int | None = None
    """How many rejections the target's own metrics count; None where they count none."""


class WithoutRetryAfter(Parameters):
    """Responses 429 without the header Retry-After."""

    count: int
    scheduled: int
    expected: bool
    """Whether the suite expects the limit to reject requests."""
    target_rejections: int | None = None
    """How many rejections the target's own metrics count; None where they count none."""


class RefusedUpgrades(Parameters):
    """WebSocket upgrades with one status other than 101."""

    count: int
    status: int
    sample: str = ""
    """The text of one error; empty where none is known."""


class OpenFiles(FailedRequests):
    """Connections that failed while the target had nearly all of its files open."""

    open_files: int
    max_open_files: int


class SomeOpened(FailedRequests):
    """Connections that failed while others were opened."""

    opened: int


class ClosedWebSockets(Parameters):
    """WebSockets that ended with one close code."""

    count: int
    opened: int
    """How many were opened; 0 where it is unknown."""
    close_code: int
    """RFC 6455, section 7.4; 1006 stands for a connection that ended without a close frame."""
    sample: str = ""
    """The text of one error; empty where none is known."""
    slow_clients: int | None = None
    """How many slow clients the target's own metrics count, for close code 1013; None where they count none."""


class PublishingFailed(FailedRequests):
    """Deliveries whose event was never published."""

    error: str
    """The code of the publishing request's error."""


class ListenersLost(FailedRequests):
    """Deliveries that were missed while listeners were gone."""

    lost: int
    """Listeners that were never there, or were lost under way."""


class Occurrences(Parameters):
    """How often something happened."""

    count: int
    sample: str = ""
    """The text of one error; empty where none is known."""


class MetricsProblem(Parameters):
    """Why the target's own metrics can't be used."""

    problem: str
    """The problem's own text."""


class CounterRise(BaseModel):
    """By how much a counter of the target rose during the scenario."""

    model_config = ConfigDict(frozen=True)

    series: str
    """Name and labels."""
    now: float
    before: float
    """In the baseline."""


class CounterRises(Parameters):
    """Counters of the target that rose far more than in the baseline."""

    counters: tuple[CounterRise, ...]


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {
    FindingCode.RATE_LIMITED: RateLimited,
    FindingCode.RATE_LIMIT_WITHOUT_RETRY_AFTER: WithoutRetryAfter,
    FindingCode.RATE_LIMIT_DIFFERS: Throttled,
    **dict.fromkeys(
        (
            FindingCode.TOKEN_REJECTED,
            FindingCode.PERMISSION_MISSING,
            FindingCode.PATH_NOT_FOUND,
            FindingCode.GATEWAY_ERROR,
            FindingCode.TARGET_UNAVAILABLE,
            FindingCode.REDIRECTED,
            FindingCode.REQUEST_REJECTED,
            FindingCode.SERVER_ERROR,
        ),
        WrongStatus,
    ),
    **dict.fromkeys(
        (
            FindingCode.UNEXPECTED_STATUSES,
            FindingCode.CONNECTION_CUT,
            FindingCode.IDLE_CONNECTION_CLOSED,
            FindingCode.CONNECTION_REFUSED,
            FindingCode.TARGET_UNREACHABLE,
            FindingCode.CONNECT_TIMEOUT,
            FindingCode.TLS_FAILED,
            FindingCode.RESPONSE_MALFORMED,
            FindingCode.RESPONSE_TOO_LARGE,
            FindingCode.CHECK_FAILED,
            FindingCode.TARGET_OVERLOADED,
            FindingCode.RATE_BEYOND_CAPACITY,
            FindingCode.WEBSOCKETS_NOT_ACCEPTED,
            FindingCode.EVENTS_NOT_SHARED,
            FindingCode.EVENTS_NOT_DELIVERED,
        ),
        FailedRequests,
    ),
    FindingCode.REQUESTS_HANG: HangingRequests,
    **dict.fromkeys(
        (
            FindingCode.UPGRADE_TOKEN_REJECTED,
            FindingCode.UPGRADE_RATE_LIMITED,
            FindingCode.UPGRADE_UNAVAILABLE,
            FindingCode.UPGRADE_UNSUPPORTED,
            FindingCode.UPGRADE_FAILED,
        ),
        RefusedUpgrades,
    ),
    FindingCode.OPEN_FILE_LIMIT: OpenFiles,
    FindingCode.CONNECTION_LIMIT: SomeOpened,
    **dict.fromkeys(
        (
            FindingCode.WEBSOCKET_GOING_AWAY,
            FindingCode.WEBSOCKET_CUT,
            FindingCode.WEBSOCKET_POLICY_VIOLATION,
            FindingCode.WEBSOCKET_MESSAGE_TOO_BIG,
            FindingCode.WEBSOCKET_INTERNAL_ERROR,
            FindingCode.WEBSOCKET_SERVICE_RESTART,
            FindingCode.WEBSOCKET_CLIENT_TOO_SLOW,
            FindingCode.WEBSOCKET_PROTOCOL_ERROR,
            FindingCode.WEBSOCKET_APPLICATION_CODE,
        ),
        ClosedWebSockets,
    ),
    FindingCode.WEBSOCKET_MALFORMED: Occurrences,
    FindingCode.PUBLISHING_FAILED: PublishingFailed,
    FindingCode.LISTENERS_LOST: ListenersLost,
    FindingCode.EVENTS_DUPLICATED: Occurrences,
    FindingCode.EVENTS_OUT_OF_ORDER: Occurrences,
    FindingCode.TARGET_METRICS_UNREADABLE: MetricsProblem,
    FindingCode.TARGET_METRICS_STAND_OUT: CounterRises,
}
"""By code; a code that is missing here has no parameters."""
