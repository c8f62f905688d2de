"""Sentences of the causes of failed HTTP requests."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from loadtasks import units
from loadtasks.report.sentences.causes.phrases import always, example, of_all
from loadtasks.results.findings.causes.failures import FailedRequests, HangingRequests, WrongStatus
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding


def _wrong_status(meaning: str) -> Callable[[Finding, WrongStatus], str]:
    return lambda _finding, parameters: (
        f"{meaning}: {of_all(parameters)} got {parameters.status}{_phrase(parameters.status)}"
        f"{example(parameters.sample)}"
    )


_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""Phrases of RFC 9110 that http.HTTPStatus has since Python 3.13 only: a report reads the same with every version."""


def _phrase(status: int) -> str:
    try:
        return f" {_PHRASES.get(status) or HTTPStatus(status).phrase}"
    except ValueError:  # a status of the target's own
        return ""


def _requests(what_happened: str) -> Callable[[Finding, FailedRequests], str]:
    return lambda _finding, parameters: f"{of_all(parameters)} {what_happened}{example(parameters.sample)}"


def _unexpected_statuses(_finding: Finding, parameters: FailedRequests) -> str:
    return (
        f"unexpected statuses: {of_all(parameters)}{example(parameters.sample)}; the scenario expects some of the "
        "statuses that were seen, so these can't be listed by status"
    )


def _hanging(_finding: Finding, parameters: HangingRequests) -> str:
    return (
        f"some requests hang: {of_all(parameters)} got no response in time{example(parameters.sample)}, while half of "
        f"the completed ones took at most {units.duration(parameters.p50_s)}"
    )


def _overloaded(_finding: Finding, parameters: FailedRequests) -> str:
    return (
        f"the target is overloaded or stuck: {of_all(parameters)} got no response in time{example(parameters.sample)}"
    )


def _beyond_capacity(_finding: Finding, parameters: FailedRequests) -> str:
    return (
        f"the target can't keep up with this rate: {of_all(parameters)} found no free connection within their queue "
        f"timeout, or were still waiting at the end{example(parameters.sample)}"
    )


SENTENCES: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.TOKEN_REJECTED: _wrong_status("the target doesn't accept the token"),
    FindingCode.PERMISSION_MISSING: _wrong_status("the token lacks a permission"),
    FindingCode.PATH_NOT_FOUND: _wrong_status("the target doesn't have what was requested"),
    FindingCode.GATEWAY_ERROR: _wrong_status("the proxy got no valid response from the service behind it"),
    FindingCode.TARGET_UNAVAILABLE: _wrong_status("the target is overloaded, or something that it needs is down"),
    FindingCode.REDIRECTED: _wrong_status("the target redirects to another address"),
    FindingCode.REQUEST_REJECTED: _wrong_status("the target rejects the requests as wrong"),
    FindingCode.SERVER_ERROR: _wrong_status("an error in the target"),
    FindingCode.UNEXPECTED_STATUSES: _unexpected_statuses,
    FindingCode.CONNECTION_CUT: _requests(
        "were cut off before the response was complete: the target, or a proxy before it, closed the connection"
    ),
    FindingCode.IDLE_CONNECTION_CLOSED: _requests(
        "were sent over an idle connection that the target, or a proxy before it, closed at that moment; their method "
        "may not be sent twice, so they failed"
    ),
    FindingCode.CONNECTION_REFUSED: _requests(
        "were refused a connection: the target was not listening, its backlog was full, or it may open no more files"
    ),
    FindingCode.TARGET_UNREACHABLE: _requests(
        "did not find the target: its name is unknown, or no network route leads to it"
    ),
    FindingCode.CONNECT_TIMEOUT: _requests(
        "got no connection in time: the target's backlog is full, or a firewall drops the attempts"
    ),
    FindingCode.TLS_FAILED: _requests("failed in TLS"),
    FindingCode.RESPONSE_MALFORMED: _requests("got a response that is not HTTP"),
    FindingCode.RESPONSE_TOO_LARGE: _requests("got a response that is too large to be read"),
    FindingCode.CHECK_FAILED: _requests(
        "failed a check: the target responds, but not with the headers or the body that the scenario expects"
    ),
    FindingCode.REQUESTS_HANG: _hanging,
    FindingCode.TARGET_OVERLOADED: _overloaded,
    FindingCode.RATE_BEYOND_CAPACITY: _beyond_capacity,
}
NEXT_STEPS: Mapping[FindingCode, Callable[[Finding, Any], str]] = {
    FindingCode.TOKEN_REJECTED: always(
        "issue a new token and set LOADTASKS_TOKEN, or the password of the Airflow connection performance_target; a "
        "token that expires during the run fails only from then on"
    ),
    FindingCode.PERMISSION_MISSING: always("issue a token with the scopes that the scenario needs"),
    FindingCode.PATH_NOT_FOUND: always("check the scenario's paths, and the target's version and data"),
    FindingCode.GATEWAY_ERROR: always(
        "look at the service behind the proxy (a restart, a crash, all workers busy) and at the proxy's timeouts"
    ),
    FindingCode.TARGET_UNAVAILABLE: always(
        "look at the target's readiness (of the shipped API: /readyz), its database and its log of that time"
    ),
    FindingCode.REDIRECTED: always("see where it redirects to: a login page, https, another path"),
    FindingCode.REQUEST_REJECTED: always("compare the requests with the API's description: what changed"),
    FindingCode.SERVER_ERROR: always(
        "look for the exception in the target's log, by the request id where the response has one"
    ),
    FindingCode.UNEXPECTED_STATUSES: always("look at the example, and at all statuses in the report"),
    FindingCode.CONNECTION_CUT: always(
        "look at the target's log and its machine: a worker that was killed, out of memory, a crash, a restart"
    ),
    FindingCode.IDLE_CONNECTION_CLOSED: always(
        "let the target keep idle connections longer than its clients pause (its keep-alive timeout against the "
        "scenario's think time), or say `Connection: close` in the last response before it closes one"
    ),
    FindingCode.CONNECTION_REFUSED: always(
        "check that the target runs and didn't restart; raise its backlog and its open-file limit (ulimit -n)"
    ),
    FindingCode.TARGET_UNREACHABLE: always(
        "check that the target's name and route are right on the load generator's machine, and that it has free ports"
    ),
    FindingCode.CONNECT_TIMEOUT: always(
        "check whether the target still accepts connections under this load, and what lies between"
    ),
    FindingCode.TLS_FAILED: always("check the certificate's name, issuer and expiry"),
    FindingCode.RESPONSE_MALFORMED: always("check that the address is the API's own and not another service's"),
    FindingCode.RESPONSE_TOO_LARGE: always("request less at a time, for example page by page"),
    FindingCode.CHECK_FAILED: always(
        "compare the example with the scenario's checks: the API may have changed, or its data may be wrong"
    ),
    FindingCode.REQUESTS_HANG: always(
        "look for a lock, a deadlock or a call to another service without a timeout: find the slowest requests of the "
        "report in the target's log"
    ),
    FindingCode.TARGET_OVERLOADED: always(
        "check how busy the target's CPU, workers and database are under this load, and lower the load until it "
        "responds"
    ),
    FindingCode.RATE_BEYOND_CAPACITY: always(
        "find out what slows each request; if requests are as fast as they should be, the rate is beyond the target's "
        "capacity"
    ),
}
