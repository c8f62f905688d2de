"""What each request came to: counted in the metrics, and written as a line of the access log where that is wanted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from app.observability import metrics
from app.observability.closing import Closing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
# Of a request that no route matched: its path is the client's to choose, and each one would be a series of its own.
UNMATCHED = "unmatched"

log = logging.getLogger("app.access")


# The library builds the key and takes a lock each time; routes, methods and statuses are few.
latency = cache(metrics.LATENCY.labels)


class Observation:
    """One request, from its arrival to the end of its answer."""

    __slots__ = ("_environ", "_route", "_started", "_status")

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._started = time.perf_counter()
        self._environ = environ
        self._route = UNMATCHED
        self._status = "500"
        metrics.IN_FLIGHT.inc()

    def answer(self, status: str) -> None:
        """Take note of the status line, and of the route, which is known as long as the answer is being made."""
        self._status = status[:3]
        request = self._environ.get("werkzeug.request")
        if request is not None and request.url_rule is not None:
            self._route = request.url_rule.rule

    def end(self) -> None:
        """Count it."""
        duration_s = time.perf_counter() - self._started
        method = self._environ["REQUEST_METHOD"]
        latency(method if method in METHODS else OTHER, self._route, self._status).observe(duration_s)
        metrics.IN_FLIGHT.dec()

    def tell(self) -> None:
        """Write the line of the access log; without the query string, which people put secrets into."""
        fields = {
            "method": self._environ["REQUEST_METHOD"],
            "path": self._environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
            "route": self._route,
            "status": int(self._status),
            "duration_s": round(time.perf_counter() - self._started, 6),
        }
        log.info("answered", extra=fields)


def observed(wsgi_app: WSGIApplication, *, access_log: bool) -> WSGIApplication:
    """Wrap a WSGI application so that its requests are counted.

    Args:
        wsgi_app: The application.
        access_log: Whether each request is a line in the log too.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        observation = Observation(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            observation.answer(status)
            return start_response(status, headers, exc_info)

        ends = [observation.end, observation.tell] if access_log else [observation.end]
        try:
            return Closing(wsgi_app(environ, start), *ends)
        except BaseException:
            for end in ends:
                end()
            raise

    return application
