"""Faults on purpose, so that a pipeline which exercises the service can itself be tried.

``APP_FAULTS`` holds faults separated by ``;``, each written ``ROUTE:KIND[=VALUE][@SHARE]``:

* ROUTE: ``dashboard``, ``sessions``, ``config`` or ``events``.
* KIND: ``slow=3s`` or ``slow=250ms`` waits before the request is worked on; ``query=50ms`` waits before its first
  statement in the database, holding the connection, as a slow query does; ``cpu=0.5ms`` computes before the request
  is worked on, as much as takes the processor that time when nothing comes between (measured at the start); ``fail``
  or ``fail=503`` answers with that status, 400 to 599 (503 when none is given), instead of working; ``cut`` closes the
  connection when half of the body is sent (of a WebSocket: right after the handshake, with no closing frame).
* SHARE: above 0 and up to 1, the share of the route's requests that are hit (all when none is given). 0.2 hits every
  fifth request: shares are counted, not drawn, so that two equal runs meet equal faults.

For example ``dashboard:slow=3s;sessions:fail=503@0.2;config:cut@0.1``. Only requests with a valid token are hit,
and WebSockets that are to tell it in their first message.
"""

from __future__ import annotations

import errno
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask, Response, g, has_request_context, request

from app.web.computation import compute, steps_per_s
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.storage.database import Database

ROUTES = ("dashboard", "sessions", "config", "events")
UNITS_S = {"s": 1.0, "ms": 0.001}
DEFAULT_STATUS = 503
FORM = re.compile(r"(?P<route>[^:]*):(?P<kind>[a-z]+)(=(?P<value>[^@]*))?(@(?P<share>.*))?")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """One fault as it was written.

    Attributes:
        text: How it was written.
        route: The blueprint it hits.
        kind: ``slow``, ``query``, ``cpu``, ``fail`` or ``cut``.
        delay_s: Seconds that ``slow`` and ``query`` wait, and of the processor's time that ``cpu`` takes.
        status: Status that ``fail`` answers with.
        share: Share of the requests that are hit.
    """

    text: str
    route: str
    kind: str
    delay_s: float = 0.0
    status: int = DEFAULT_STATUS
    share: float = 1.0


def parse_faults(text: str) -> list[Fault]:
    """Read ``APP_FAULTS``.

    Raises:
        ValueError: A fault isn't written as the module's docstring says; the message names it.
    """
    return [_parse_fault(part.strip()) for part in text.split(";") if part.strip()]


def _parse_fault(text: str) -> Fault:
    match = FORM.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is not of the form ROUTE:KIND[=VALUE][@SHARE]")
    route, kind, value = match["route"], match["kind"], match["value"]
    if route not in ROUTES:
        raise ValueError(f"'{text}' names no route out of {', '.join(ROUTES)}")
    share = _parse_share(text, match["share"])
    if kind in ("slow", "query", "cpu"):
        return Fault(text, route, kind, delay_s=_parse_delay(text, value), share=share)
    if kind == "fail":
        return Fault(text, route, kind, status=_parse_status(text, value), share=share)
    if kind == "cut" and value is None:
        return Fault(text, route, kind, share=share)
    raise ValueError(f"'{text}' has none of the kinds slow=TIME, query=TIME, cpu=TIME, fail[=STATUS], cut")


def _parse_share(text: str, value: str | None) -> float:
    if value is None:
        return 1.0
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ValueError(f"'{text}' needs a share above 0 and up to 1 after the @")
    return share


def _parse_delay(text: str, value: str | None) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|ms)", value or "")
    if not match:
        raise ValueError(f"'{text}' needs a time such as slow=3s or query=250ms")
    return float(match[1]) * UNITS_S[match[2]]


def _parse_status(text: str, value: str | None) -> int:
    if value is None:
        return DEFAULT_STATUS
    if not re.fullmatch(r"[45]\d\d", value):
        raise ValueError(f"'{text}' needs a status from 400 to 599 after fail=")
    return int(value)


class Faults:
    """Hits requests with the faults that were asked for."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults
        self._seen = [0] * len(faults)
        self._steps = {fault: round(fault.delay_s * steps_per_s()) for fault in faults if fault.kind == "cpu"}
        self._lock = threading.Lock()

    def install(self, app: Flask, database: Database) -> None:
        """Hook into an application and its database; without faults this changes nothing."""
        if not self._faults:
            return
        log.warning("FAULTS ARE ON, answers are spoilt on purpose: %s", "; ".join(f.text for f in self._faults))
        app.before_request(self._hit)
        app.after_request(cut_body)
        if any(fault.kind == "query" for fault in self._faults):
            database.before_statements(delay_statement)

    def due(self, route: str) -> list[Fault]:
        """Count one request to a route and tell which faults hit it."""
        hits = []
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.route == route:
                    self._seen[index] += 1
                    # Rounding keeps 0.1 * 30 from counting as 2.999...
                    before, after = (int(round(n * fault.share, 9)) for n in (self._seen[index] - 1, self._seen[index]))
                    if after > before:
                        hits.append(fault)
        return hits

    def _hit(self) -> None:
        for fault in self.due(request.blueprint or ""):
            if fault.kind == "slow":
                time.sleep(fault.delay_s)
            elif fault.kind == "cpu":
                compute(self._steps[fault])
            elif fault.kind == "query":
                g.query_delay_s = fault.delay_s
            elif fault.kind == "fail":
                raise Problem(fault.status, f"This answer is a fault on purpose: {fault.text}.")
            else:
                g.cut = True


def delay_statement() -> None:
    """Make the first statement of a request slow whose query is to be."""
    if has_request_context() and (delay_s := g.pop("query_delay_s", None)) is not None:
        time.sleep(delay_s)


def cut_body(response: Response) -> Response:
    """Make a response break off in the middle of its body when its request is to be cut."""
    if g.pop("cut", False):
        body = response.get_data()
        response.headers["Content-Length"] = str(len(body))
        response.response = _half(body, request.environ.get("gunicorn.socket"))
    return response


def _half(body: bytes, connection: socket.socket | None) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    if connection is not None:
        # gunicorn's main loop lingers on a connection that the client hasn't closed; there is nothing to wait for here.
        connection.shutdown(socket.SHUT_RDWR)
    # gunicorn takes this one for a client that went away: it closes the connection and writes no traceback.
    raise ConnectionResetError(errno.ECONNRESET, "cut on purpose")
