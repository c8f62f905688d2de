"""An HTTP answer judged and written down: what is wrong with it, if anything."""

import json

from loadtasks.engine.http.checks import body_text, contains, shown
from loadtasks.engine.http.exchange import Exchange, Problem
from loadtasks.engine.http.server_timing import server_timing
from loadtasks.engine.recording.exemplars import Slow
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import SERVER

_THROTTLING = (429, 503)


def answer_problem(exchange: Exchange) -> Problem | None:
    """What is wrong: the connection's own problem, the status, or a check; None when the answer is right."""
    if exchange.problem is not None:
        return exchange.problem
    wrong = exchange.checker.status_problem(exchange.status)
    if wrong is not None:
        body = shown(exchange.body)
        return Problem(ErrorCode.STATUS, f"{wrong}: {body}" if body else wrong)
    wrong = exchange.checker.problem(exchange.headers, exchange.body)
    return None if wrong is None else Problem(ErrorCode.CHECK, wrong)


def read_back_problem(exchange: Exchange, sent: object) -> Problem | None:
    """What differs between what was sent earlier and what this exchange read back."""
    problem = answer_problem(exchange)
    if problem is not None:
        return Problem(problem.code, f"reading back: {problem.description}")
    try:
        found = json.loads(body_text(exchange.body, exchange.headers.get("content-encoding", "")))
    except ValueError:
        return Problem(ErrorCode.CHECK, f"what was read back is no JSON: {shown(exchange.body)}")
    if contains(found, sent):
        return None
    return Problem(ErrorCode.CHECK, f"read back something else than was sent: {shown(exchange.body)}")


def throttled(exchange: Exchange) -> bool:
    """Whether a limit of the target turned the request away, where the checks don't expect just that."""
    return (
        exchange.status in _THROTTLING
        and "retry-after" in exchange.headers
        and exchange.problem is None
        and exchange.checker.status_problem(exchange.status) is not None
    )


def record(recorder: Recorder, exchange: Exchange, problem: Problem | None) -> None:
    """Write one ended exchange down."""
    if exchange.status:
        recorder.statuses[exchange.status] += 1
    due, sent, end = exchange.due, exchange.sent, exchange.end
    if problem is None:
        recorder.answer(due, sent, exchange.first_byte, end, exchange.body_size)
        timing = exchange.headers.get("server-timing")
        if timing:
            for name, seconds, description in server_timing(timing):
                recorder.phase(SERVER + name, seconds, description)
    elif throttled(exchange):
        recorder.throttle(sent, end)
        return
    else:
        recorder.fail(problem.code, f"{exchange.wire.line}: {problem.description}", due, sent, end)
    if end - due > recorder.slowest.from_s:
        recorder.slowest.keep(slow(exchange, end))


def slow(exchange: Exchange, end: float) -> Slow:
    """What is kept of a slow request; `end`: its own, or that of what came of it later, as an event's delivery."""
    return Slow(
        response_s=end - exchange.due,
        due=exchange.due,
        service_s=end - exchange.sent,
        request=exchange.wire.line,
        status=exchange.status,
        request_id=exchange.headers.get("x-request-id"),
        traceparent=exchange.traceparent,
    )
