"""One request over a connection of its own, under a deadline that covers all of it and with a bounded response.

For what is asked before and between loads: probes and the preflight. A target that drips for ever ends them no later
than one that is silent.
"""

import asyncio
from time import perf_counter
from typing import NamedTuple

from loadtasks.engine.http.connection import HttpConnection
from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.response_framing import MAX_BODY
from loadtasks.engine.internal_errors import LoopGuard
from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.errors import ErrorCode

_FINAL = 200
"""Lower statuses are those of interim responses."""
_CHECK_EVERY_S = 0.01


class ExchangeLimits(NamedTuple):
    """How much of a response is waited for."""

    deadline_s: float
    """Seconds until all is over: connecting, sending, and the whole response."""
    max_body: int = MAX_BODY
    """Bytes of the body that are read."""
    head_only: bool = False
    """Whether the head of the response is enough."""


async def exchange_once(connector: Connector, exchange: Exchange, limits: ExchangeLimits) -> None:
    """Send an exchange and wait for its response. Nothing is raised: what went wrong is in the exchange's `failure`.

    A response whose head has come has a status, also where the rest failed or wasn't waited for.
    """
    ended = asyncio.get_running_loop().create_future()
    connection = HttpConnection(connector, lambda _: None if ended.done() else ended.set_result(None), Recorder)
    guard = LoopGuard()
    timeout = RequestFailure(ErrorCode.TIMEOUT, f"no complete response within {limits.deadline_s:g} s")
    try:
        async with asyncio.timeout(limits.deadline_s):
            await connection.connect()
            connection.send(exchange)
            while not ended.done() and not _is_enough(exchange, limits) and guard.failure is None:
                await asyncio.wait([ended], timeout=_CHECK_EVERY_S)
            if exchange.failure is None and exchange.body_size > limits.max_body:
                exchange.failure = RequestFailure(
                    ErrorCode.TOO_LARGE, f"the body is larger than {limits.max_body:,} bytes"
                )
        exchange.failure = exchange.failure or guard.failure
    except ConnectError as error:
        exchange.refuse(error.failure, perf_counter())
    except TimeoutError:
        exchange.failure = exchange.failure or timeout
    finally:
        connection.close()


def _is_enough(exchange: Exchange, limits: ExchangeLimits) -> bool:
    """Whether nothing more is waited for, though the response isn't complete."""
    return exchange.body_size > limits.max_body or (limits.head_only and exchange.status >= _FINAL)
