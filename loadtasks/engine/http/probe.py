"""What is asked of a target besides its load: whether it responds, its version, and a page of its own.

A probe has one deadline for all of it and reads a bounded body, so that no page of a target can stop a run.
"""

import asyncio

import uvloop

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.json_values import parse_json
from loadtasks.engine.http.request_encoder import RequestEncoder
from loadtasks.engine.http.response_body import decoded_body
from loadtasks.engine.http.single_exchange import ExchangeLimits, exchange_once
from loadtasks.engine.net.connector import Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.errors import TargetUnavailableError
from loadtasks.measurement.errors import ErrorCode
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.model import Checks, Request

PROBE_DEADLINE_S = 5.0
"""Seconds from opening the connection to the end of a probe's response."""
MAX_PROBE_BODY = 4 * 1024 * 1024
"""Bytes of a probe's response: the metrics of a large service have a few hundred thousand."""
_MAX_VERSION_BODY = 64 * 1024
_MAX_VERSION = 200
_SERVER_ERROR = 500
_NO_CONNECTION = frozenset({ErrorCode.REFUSED, ErrorCode.UNREACHABLE, ErrorCode.CONNECT_TIMEOUT})


class TargetSilentError(TargetUnavailableError):
    """The target takes connections, but a page of it gives no response."""


class ProbeResponse:
    """A response to a probe."""

    def __init__(self, exchange: Exchange, max_body: int) -> None:
        self._max_body = max_body
        self.status = exchange.status
        self._body = exchange.body
        self._encoding = exchange.headers.get("content-encoding", "")

    def body(self) -> bytes:
        """The body, decompressed.

        Raises:
            ValueError: it doesn't decompress, or is larger then than what is read.
        """
        return decoded_body(self._body, self._encoding, self._max_body)


def check_alive(target: Target) -> None:
    """Make sure that a target responds.

    A health path that was configured has to respond with a status below 500. The usual one is only a guess, since not
    every API has such a page: there any response will do.

    Raises:
        TargetUnavailableError: it takes no connection, or its health page responds with a server error.
        TargetSilentError: it takes connections, but the health page gives no response.
    """
    path = target.health_path or target.USUAL_HEALTH_PATH
    status = probe(target, path, head_only=True).status
    if target.health_path is not None and status >= _SERVER_ERROR:
        raise TargetUnavailableError(
            f"{target.role} {target.url}: GET {path} responded {status}, so it is not healthy enough to be measured; "
            "repair it and run again."
        )


def read_version(target: Target) -> str | None:
    """The `version` of a target's version page (JSON), with its `revision` after a plus; None where it has none."""
    try:
        body = parse_json(probe(target, target.version_path, max_body=_MAX_VERSION_BODY).body())
    except (TargetUnavailableError, ValueError):
        return None
    version = body.get("version") if isinstance(body, dict) else None
    revision = body.get("revision") if version else None
    stated = f"{version}+{revision}" if revision else str(version) if version else None
    return stated and Redactor(target.secrets).shortened(stated, _MAX_VERSION, mark="")


def probe(target: Target, path: str, *, max_body: int = MAX_PROBE_BODY, head_only: bool = False) -> ProbeResponse:
    """GET a path of a target. Not to be called on an event loop.

    Args:
        target: what is asked.
        path: below the target's address.
        max_body: bytes of the body that are read, as it arrives and decompressed; a larger one is no response.
        head_only: whether the head of the response is enough.

    Raises:
        TargetUnavailableError: it takes no connection, or TLS failed.
        TargetSilentError: it takes connections, but there is no whole HTTP response in time.
    """
    encoded = RequestEncoder(target).encode(Request.model_construct(path=path))
    exchange = Exchange(encoded, Checker(Checks()), 0.0, encoded.before, keeps_body=True)
    limits = ExchangeLimits(PROBE_DEADLINE_S, max_body, head_only)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(exchange_once(Connector(target, PROBE_DEADLINE_S), exchange, limits))
    if exchange.failure is not None and not (head_only and exchange.status):
        raise _unavailable(target, path, exchange.failure)
    return ProbeResponse(exchange, max_body)


def _unavailable(target: Target, path: str, failure: RequestFailure) -> TargetUnavailableError:
    where = f"{target.role} {target.url}"
    if failure.code is ErrorCode.TLS:
        return TargetUnavailableError(f"{where}: {failure.text}.")
    if failure.code in _NO_CONNECTION:
        return TargetUnavailableError(
            f"{where}: can't be reached ({failure.text}); start it, or name another with --{target.role}."
        )
    if failure.code is ErrorCode.TIMEOUT:
        return TargetSilentError(
            f"{where}: GET {path} got no response within {PROBE_DEADLINE_S:g} s; it hangs, or the network drops the "
            "request: check that it is up, and run again."
        )
    return TargetSilentError(
        f"{where}: GET {path} got no whole response ({failure.text}); check that it is up, and run again."
    )
