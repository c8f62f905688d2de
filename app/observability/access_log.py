"""Requests counted and timed in the metrics and, where the setting asks for it, written to the access log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from app.observability import metrics
from app.observability.closing_body import ClosingBody

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"
# The route of a request that matched none. The client chooses the path, so using it would make unbounded series.
UNMATCHED = "unmatched"

log = logging.getLogger("app.access")


# prometheus_client builds a key and takes a lock at each call; there are few routes, methods and statuses.
latency = cache(metrics.LATENCY.labels)


class RequestRecord:
    """One request, from its arrival to the end of its response."""

    __slots__ = ("_environ", "_route", "_started", "_status")

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._started = time.perf_counter()
        self._environ = environ
        self._route = UNMATCHED
        self._status = "500"
        metrics.IN_FLIGHT.inc()

    def set_status(self, status: str) -> None:
        """Record the status line, and the route, which Flask knows only while it makes the response."""
        self._status = status[:3]
        request = self._environ.get("werkzeug.request")
        if request is not None and request.url_rule is not None:
            self._route = request.url_rule.rule

    def count(self) -> None:
        """Add the request to the metrics."""
        duration_s = time.perf_counter() - self._started
        method = self._environ["REQUEST_METHOD"]
        latency(method if method in METHODS else OTHER_METHOD, self._route, self._status).observe(duration_s)
        metrics.IN_FLIGHT.dec()

    def write(self) -> None:
        """Write the request to the access log, without its query string, where clients may put secrets."""
        fields = {
            "method": self._environ["REQUEST_METHOD"],
            "path": self._environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
            "route": self._route,
            "status": int(self._status),
            "duration_s": round(time.perf_counter() - self._started, 6),
        }
        log.info("answered", extra=fields)


def record_requests(wsgi_app: WSGIApplication, *, access_log: bool) -> WSGIApplication:
    """Wrap a WSGI application so that its requests are counted and timed.

    Args:
        wsgi_app: The application.
        access_log: Whether to write a log line per request as well.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        record = RequestRecord(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            record.set_status(status)
            return start_response(status, headers, exc_info)

        callbacks = [record.count, record.write] if access_log else [record.count]
        try:
            return ClosingBody(wsgi_app(environ, start), *callbacks)
        except BaseException:
            for callback in callbacks:
                callback()
            raise

    return application
