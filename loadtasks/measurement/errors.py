"""How requests fail: a code for each way, counted, with one sample; and how the engine fails on them."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class ErrorCode(StrEnum):
    """The way in which a request, a WebSocket or a delivery failed. Stored; a code keeps its meaning."""

    TIMEOUT = "timeout"
    """The response was not complete within the scenario's `timeout_s`."""
    CONNECT_TIMEOUT = "connect_timeout"
    """No connection was established within the scenario's `connect_timeout_s`."""
    REFUSED = "refused"
    """The target refused the connection."""
    UNREACHABLE = "unreachable"
    """The target's name is unknown, or no network route leads to it."""
    CUT = "cut"
    """The connection was closed before the response was complete, or without a WebSocket close frame."""
    STALE = "stale"
    """The target closed an idle connection when a request was sent over it that may not be sent twice, as a POST."""
    TLS = "tls"
    """TLS failed: a certificate that can't be verified, or no TLS at the other end."""
    STATUS = "status"
    """The response, or the response to a WebSocket upgrade, has a status that the scenario doesn't expect."""
    CHECK = "check"
    """The response violates a check of the scenario: its headers, its body, or what was read back."""
    MALFORMED = "malformed"
    """What was received is neither HTTP nor a WebSocket frame."""
    TOO_LARGE = "too_large"
    """The head, the body or the WebSocket message is larger than the engine reads; or there are pings without end."""
    DROPPED = "dropped"
    """The request was never sent: no connection became free within its queue timeout, or the load ended first."""
    CLOSED = "closed"
    """The target closed the WebSocket with a close frame."""
    MISSED = "missed"
    """A published event did not reach a listener in time."""
    DUPLICATE = "duplicate"
    """A published event reached the same listener more than once."""
    OUT_OF_ORDER = "out_of_order"
    """A published event reached a listener after a later one."""
    INTERNAL_ERROR = "internal_error"
    """The load engine itself failed on a response or a message: no failure of the target. A measurement that has one is
    invalid. The sample names the type of the exception and the line that raised it."""


class ErrorCount(BaseModel):
    """How often requests failed in one way."""

    model_config = ConfigDict(frozen=True)

    code: ErrorCode
    count: int
    sample: str
    """One occurrence in words: the request, and what came back."""
    publishing: bool = False
    """Whether the request that publishes events failed, so that these deliveries could not be made."""
