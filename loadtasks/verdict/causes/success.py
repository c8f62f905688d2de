"""Low success rates: how requests failed, and what each way of failing means."""

from collections.abc import Iterator

from loadtasks import units
from loadtasks.measurement.errors import ErrorCode
from loadtasks.verdict.causes import statuses
from loadtasks.verdict.causes.case import Case, Cause

WEBSOCKETS_OWN = (
    ErrorCode.CUT,
    ErrorCode.REFUSED,
    ErrorCode.CONNECT_TIMEOUT,
    ErrorCode.UNREACHABLE,
    ErrorCode.MALFORMED,
)
"""What has another meaning for WebSockets."""
_NEVER_CAME = "look at the target's log and its machine: a worker that was killed, out of memory, a crash, a restart"
_NEXT = {
    ErrorCode.CUT: (
        "were cut off before the answer was whole: the target, or a proxy before it, closed the connection",
        _NEVER_CAME,
    ),
    ErrorCode.REFUSED: (
        "were refused a connection: the target was not listening, its backlog was full, or it may open no more files",
        "see that it runs and didn't restart; raise its backlog and its open-file limit (ulimit -n)",
    ),
    ErrorCode.UNREACHABLE: (
        "found no way to the target",
        "see that its name and its route are right from where the load is made, and that this machine has free ports",
    ),
    ErrorCode.CONNECT_TIMEOUT: (
        "got no connection in time: the target's backlog is full, or a firewall swallows the attempts",
        "see whether the target still accepts connections under this load, and what lies between",
    ),
    ErrorCode.TLS: ("failed in TLS", "see the certificate's name, issuer and expiry"),
    ErrorCode.MALFORMED: (
        "got an answer that is not HTTP",
        "see that the address is the API's own and not another service's",
    ),
    ErrorCode.TOO_LARGE: ("got an answer too large to be read", "ask for less of it, page by page"),
    ErrorCode.CHECK: (
        "were answered with a wrong body or header: the target answers, but not what the scenario expects",
        "compare the example with the scenario's checks: a change of the API, or a fault of its data",
    ),
}


def failing(case: Case) -> Iterator[Cause]:
    """The ways in which HTTP requests failed that are worth naming, the most frequent first."""
    told = [*statuses.wrong(case), *_by_kind(case), *_unanswered(case), *_dropped(case)]
    for number, cause in sorted(told, key=lambda each: -each[0]):
        if case.matters(number):
            yield cause


def _by_kind(case: Case) -> Iterator[tuple[int, Cause]]:
    for error in case.measurement.errors:
        meaning = _NEXT.get(error.code) if not error.publishing else None
        if meaning is not None and not (case.websocket and error.code in WEBSOCKETS_OWN):
            what, next_step = meaning
            yield error.count, Cause(f"{case.of_all(error.count)} {what}{case.sample(error.code)}", next_step)


def _unanswered(case: Case) -> Iterator[tuple[int, Cause]]:
    """Answers that never came: some requests hang, or everything is slow."""
    number = case.count(ErrorCode.TIMEOUT) + case.measurement.counts.in_flight
    if not number or case.websocket:
        return
    told = f"{case.of_all(number)} got no answer in time{case.sample(ErrorCode.TIMEOUT)}"
    p50_s, longest_s = case.measurement.p50_s, case.measurement.max_s
    completed = case.measurement.counts.completed
    if completed > number and p50_s is not None and longest_s is not None and p50_s < 0.1 * longest_s:
        yield (
            number,
            Cause(
                f"some requests hang: {told}, while half of all took at most {units.duration(p50_s)}",
                "look for a lock, a deadlock or a call to another service without a timeout: find the requests that "
                "the report lists as slowest in the target's log",
            ),
        )
        return
    yield (
        number,
        Cause(
            f"the target is overloaded or stands still: {told}",
            "see how busy its CPU, workers and database are under this load, and lower the load until it answers",
            sure=False,
        ),
    )


def _dropped(case: Case) -> Iterator[tuple[int, Cause]]:
    number = case.measurement.counts.dropped
    if number:
        yield (
            number,
            Cause(
                f"the target can't keep up with this rate: {case.of_all(number)} found no free connection within their "
                f"patience, or never got their turn{case.sample(ErrorCode.DROPPED)}",
                "see what slows each request; if it is as fast as it should be, the rate is beyond its capacity",
            ),
        )
