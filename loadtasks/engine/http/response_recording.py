"""An HTTP response checked and recorded: why it is a failure, if it is one."""

from collections.abc import Callable

from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.json_values import contains, parse_json
from loadtasks.engine.http.response_body import TooLargeError, decoded_body, quoted_body
from loadtasks.engine.http.server_timing import server_timing
from loadtasks.engine.recording.exemplars import SlowRequest
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import SERVER

_THROTTLING = (429, 503)


def response_failure(exchange: Exchange) -> RequestFailure | None:
    """Why an exchange failed: the connection's own failure, the status, or a check; None when it did not."""
    if exchange.failure is not None:
        return exchange.failure
    status = exchange.checker.status_problem(exchange.status)
    if status is not None:
        return RequestFailure(ErrorCode.STATUS, status, _quoting(exchange))
    wrong = exchange.checker.problem(exchange.headers, exchange.body)
    if wrong is None:
        return None
    return RequestFailure(wrong.code, wrong.text, _quoting(exchange) if wrong.quotes_body else None)


def read_back_failure(exchange: Exchange, sent: object) -> RequestFailure | None:
    """Why what an exchange read back is not what was sent earlier; None when it is."""
    failure = response_failure(exchange)
    if failure is not None:
        return failure.of("reading back")
    try:
        found = parse_json(decoded_body(exchange.body, exchange.headers.get("content-encoding", "")))
    except TooLargeError as error:
        return RequestFailure(ErrorCode.TOO_LARGE, f"reading back: {error}")
    except ValueError as error:
        return RequestFailure(ErrorCode.CHECK, f"what was read back is {error}", _quoting(exchange))
    try:
        if contains(found, sent):
            return None
    except RecursionError:
        return RequestFailure(ErrorCode.CHECK, "what was read back is JSON that is nested too deeply to be compared")
    return RequestFailure(ErrorCode.CHECK, "what was read back is not what was sent", _quoting(exchange))


def _quoting(exchange: Exchange) -> Callable[[], str]:
    """Gives the beginning of the exchange's body."""
    return lambda: quoted_body(exchange.body, exchange.headers, exchange.body_size)


def is_throttled(exchange: Exchange) -> bool:
    """Whether a limit of the target rejected the request (429 or 503 with Retry-After) and no check expects that."""
    return (
        exchange.status in _THROTTLING
        and "retry-after" in exchange.headers
        and exchange.failure is None
        and exchange.checker.status_problem(exchange.status) is not None
    )


def record_exchange(recorder: Recorder, exchange: Exchange, failure: RequestFailure | None) -> None:
    """Record one exchange that has ended; `failure`: why it failed, None where it did not."""
    exchange.recorded = True
    if exchange.status:
        recorder.statuses[exchange.status] += 1
    due, sent, end = exchange.due, exchange.sent, exchange.end
    if failure is None:
        recorder.complete_response(due, sent, exchange.first_byte, end, exchange.body_size)
        timing = exchange.headers.get("server-timing")
        if timing:
            for name, seconds, description in server_timing(timing):
                recorder.phase(SERVER + name, seconds, description)
    elif is_throttled(exchange):
        recorder.throttle(sent, end)
        return
    else:
        recorder.fail(failure.of(exchange.encoded.line), due, sent, end)
    if end - due > recorder.slowest.from_s:
        recorder.slowest.keep(slow_request(exchange, end))


def slow_request(exchange: Exchange, end: float) -> SlowRequest:
    """What is kept of a slow request; `end`: its own end, or that of an event's delivery that it led to."""
    return SlowRequest(
        response_s=end - exchange.due,
        due=exchange.due,
        service_s=end - exchange.sent,
        request=exchange.encoded.line,
        status=exchange.status,
        request_id=exchange.headers.get("x-request-id"),
        traceparent=exchange.traceparent,
    )
