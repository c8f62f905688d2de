"""Injects the faults of `APP_FAULTS` into requests; `app.faults` describes them."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from collections.abc import Iterator

from flask import Flask, Response, g, has_request_context, request

from app.faults import Fault
from app.storage.database import AppDatabase
from app.web.cpu_work import compute, steps_per_s
from app.web.problems import ApiProblemError

log = logging.getLogger(__name__)


class FaultInjector:
    """Injects faults into the requests of an application."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults
        self._request_counts = [0] * len(faults)
        self._steps = {fault: round(fault.delay_s * steps_per_s()) for fault in faults if fault.kind == "cpu"}
        self._lock = threading.Lock()

    def install(self, app: Flask, database: AppDatabase) -> None:
        """Register with an application and its database; without faults this does nothing."""
        if not self._faults:
            return
        log.warning("FAULT INJECTION IS ON (APP_FAULTS): %s", "; ".join(fault.text for fault in self._faults))
        app.before_request(self._inject)
        app.after_request(cut_body)
        if any(fault.kind == "query" for fault in self._faults):
            database.before_statements(delay_statement)

    def due(self, route: str) -> list[Fault]:
        """Count a request to a route and return the faults that it gets."""
        due = []
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.route == route:
                    self._request_counts[index] += 1
                    count = self._request_counts[index]
                    # Rounding keeps 0.1 * 30 from counting as 2.999...
                    before, after = (int(round(number * fault.share, 9)) for number in (count - 1, count))
                    if after > before:
                        due.append(fault)
        return due

    def _inject(self) -> None:
        for fault in self.due(request.blueprint or ""):
            if fault.kind == "slow":
                time.sleep(fault.delay_s)
            elif fault.kind == "cpu":
                compute(self._steps[fault])
            elif fault.kind == "query":
                g.query_delay_s = fault.delay_s
            elif fault.kind == "fail":
                raise ApiProblemError(fault.status, f"This response is an injected fault: {fault.text}.")
            else:
                g.cut = True


def delay_statement() -> None:
    """Delay the first statement of a request that gets the fault `query`."""
    if has_request_context() and (delay_s := g.pop("query_delay_s", None)) is not None:
        time.sleep(delay_s)


def cut_body(response: Response) -> Response:
    """Make the response of a request that gets the fault `cut` break off in the middle of its body."""
    if g.pop("cut", False):
        body = response.get_data()
        response.headers["Content-Length"] = str(len(body))
        response.response = _half(body, request.environ.get("gunicorn.socket"))
    return response


def _half(body: bytes, connection: socket.socket | None) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    if connection is not None:
        # gunicorn's main loop keeps waiting for a client that hasn't closed its connection, which is pointless here.
        connection.shutdown(socket.SHUT_RDWR)
    # gunicorn takes this error for a client that disconnected: it closes the connection and logs no traceback.
    raise ConnectionResetError(errno.ECONNRESET, "cut on purpose")
