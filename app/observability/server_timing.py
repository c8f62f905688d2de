"""Where a request's time went, sent in the `Server-Timing` header.

The phases are: `cache`, looking up a cached document and waiting for another request that computes it, with `desc`
being `hit`, `wait` or `miss`; `pool`, waiting for a database connection and, with SQLite, for the write lock; `db`,
from getting that connection to giving it back; `serialise`, writing JSON; and `total`, from the request's arrival in
the application to its first header. No phase overlaps another, except that `total` covers all. Durations are in
milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PHASES = ("cache", "pool", "db", "serialise")


class ServerTiming:
    """The phases of one request, in seconds."""

    __slots__ = ("_descriptions", "_phases_s", "_started")

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._phases_s = dict.fromkeys(PHASES, 0.0)
        self._descriptions: dict[str, str] = {}

    def add(self, name: str, seconds: float) -> None:
        """Add a duration to a phase."""
        self._phases_s[name] += seconds

    def describe(self, name: str, description: str) -> None:
        """Set the one-word description of a phase; a later one replaces it."""
        self._descriptions[name] = f";desc={description}"

    def header(self) -> str:
        """Render the header's value; the total is the time until now."""
        entries = [f"{n}{self._descriptions.get(n, '')};dur={s * 1000:.3f}" for n, s in self._phases_s.items()]
        entries.append(f"total;dur={(time.perf_counter() - self._started) * 1000:.3f}")
        return ", ".join(entries)


_current: ContextVar[ServerTiming | None] = ContextVar("timing", default=None)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Add the duration of the block to a phase of the current request; outside of requests this does nothing."""
    timing = _current.get()
    if timing is None:
        yield
        return
    started = time.perf_counter()
    try:
        yield
    finally:
        timing.add(name, time.perf_counter() - started)


def describe(name: str, description: str) -> None:
    """Set the one-word description of a phase of the current request; outside of requests this does nothing."""
    timing = _current.get()
    if timing is not None:
        timing.describe(name, description)


def current_header() -> str:
    """Render the header's value for the current request; empty outside of requests."""
    timing = _current.get()
    return timing.header() if timing else ""


def time_requests(wsgi_app: WSGIApplication) -> WSGIApplication:
    """Wrap a WSGI application so that every response carries the header."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        timing = ServerTiming()
        _current.set(timing)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            headers.append(("Server-Timing", timing.header()))
            return start_response(status, headers, exc_info)

        return wsgi_app(environ, start)

    return application
