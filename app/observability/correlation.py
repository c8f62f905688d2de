"""Ids that connect a response, its log lines and the caller's trace: `X-Request-ID` and the W3C `traceparent`.

Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from app.observability.closing_body import ClosingBody

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
# Admits UUIDs, base64 and the ids of load balancers, and nothing that could break a header or a log line.
VALID_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_IDS = "(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
# Later versions may append fields to those of version 00; version ff is invalid.
TRACEPARENT = re.compile(f"00-{_IDS}|(?!00|ff)[0-9a-f]{{2}}-{_IDS}(-.*)?")


def _new_id() -> str:
    # Ids are public and may be guessable, so the fast generator, which makes no system call, is good enough.
    return f"{random.getrandbits(128):032x}"


@dataclass(frozen=True, slots=True)
class Correlation:
    """The ids of one request."""

    request_id: str
    """The id in the request's `X-Request-ID`, or a new one."""
    trace_id: str
    """The trace that the request belongs to, 32 hexadecimal digits."""
    parent_id: str | None
    """The caller's span, 16 hexadecimal digits; None when the trace begins here."""

    @classmethod
    def from_environ(cls, environ: WSGIEnvironment) -> Self:
        """Read the ids from a request's headers; missing and malformed ones are replaced by new ids."""
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        if not VALID_ID.fullmatch(request_id):
            request_id = _new_id()
        traceparent = environ.get("HTTP_TRACEPARENT", "")
        if not TRACEPARENT.fullmatch(traceparent):
            return cls(request_id, _new_id(), None)
        _, trace_id, parent_id, *_ = traceparent.split("-")
        return cls(request_id, trace_id, parent_id)

    def log_fields(self) -> dict[str, str]:
        """The fields that every log line of the request carries."""
        fields = {"request_id": self.request_id, "trace_id": self.trace_id}
        return fields | {"parent_id": self.parent_id} if self.parent_id else fields


_current: ContextVar[Correlation | None] = ContextVar("correlation", default=None)


def current_correlation() -> Correlation | None:
    """The ids of the current request; None outside of requests."""
    return _current.get()


def current_request_id() -> str:
    """The id of the current request; empty outside of requests."""
    correlation = _current.get()
    return correlation.request_id if correlation else ""


def correlate_requests(wsgi_app: WSGIApplication) -> WSGIApplication:
    """Wrap a WSGI application so that responses and log lines carry their request's id."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        correlation = Correlation.from_environ(environ)
        _current.set(correlation)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            headers.append((HEADER, correlation.request_id))
            return start_response(status, headers, exc_info)

        try:
            return ClosingBody(wsgi_app(environ, start), _clear)
        except BaseException:
            _clear()
            raise

    return application


def _clear() -> None:
    # The thread goes on to serve other requests; what the server logs before it has read one must not carry this id.
    _current.set(None)
