"""What a request is known by everywhere: its id, and the W3C trace that it belongs to.

https://www.w3.org/TR/trace-context/ says what ``traceparent`` is.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from app.observability.closing import Closing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
# Wide enough for UUIDs, base64 and what load balancers write; too narrow for anything that breaks a header or a log.
SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_IDS = "(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
# Versions to come may say more after what version 00 says; ff is none.
TRACEPARENT = re.compile(f"00-{_IDS}|(?!00|ff)[0-9a-f]{{2}}-{_IDS}(-.*)?")


def _new_id() -> str:
    # Ids are told to everybody and need not be hard to guess, so no system call is made for them.
    return f"{random.getrandbits(128):032x}"


@dataclass(frozen=True, slots=True)
class Correlation:
    """The names of one request.

    Attributes:
        request_id: The id that the request came with, or a new one.
        trace_id: The trace that it belongs to, 32 hexadecimal digits.
        parent_id: The caller's span, 16 hexadecimal digits; None when the trace begins here.
    """

    request_id: str
    trace_id: str
    parent_id: str | None

    @classmethod
    def of(cls, environ: WSGIEnvironment) -> Self:
        """Take up what a request says of itself; what it doesn't say, or not properly, is made."""
        request_id = environ.get("HTTP_X_REQUEST_ID", "")
        if not SANE_ID.fullmatch(request_id):
            request_id = _new_id()
        traceparent = environ.get("HTTP_TRACEPARENT", "")
        if not TRACEPARENT.fullmatch(traceparent):
            return cls(request_id, _new_id(), None)
        _, trace_id, parent_id, *_ = traceparent.split("-")
        return cls(request_id, trace_id, parent_id)

    def fields(self) -> dict[str, str]:
        """What a log line of the request says."""
        fields = {"request_id": self.request_id, "trace_id": self.trace_id}
        return fields | {"parent_id": self.parent_id} if self.parent_id else fields


_current: ContextVar[Correlation | None] = ContextVar("correlation", default=None)


def current() -> Correlation | None:
    """The names of the current request, None outside of requests."""
    return _current.get()


def current_id() -> str:
    """The id of the current request, empty outside of requests."""
    correlation = _current.get()
    return correlation.request_id if correlation else ""


def correlated(wsgi_app: WSGIApplication) -> WSGIApplication:
    """Wrap a WSGI application so that every response carries its request's id and log lines can tell it."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        correlation = Correlation.of(environ)
        _current.set(correlation)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            headers.append((HEADER, correlation.request_id))
            return start_response(status, headers, exc_info)

        try:
            return Closing(wsgi_app(environ, start), _forget)
        except BaseException:
            _forget()
            raise

    return application


def _forget() -> None:
    # The thread goes on to other requests; what the server says of those before they are read must not carry this id.
    _current.set(None)
