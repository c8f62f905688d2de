"""Before any load: each scenario's own first safe request, to see whether the target admits to it.

What is asked is what the scenario sends: its first GET, HEAD or OPTIONS, with its headers, its query and the first row
of its feeder, over the same connections, TLS and encoding as the load. Only one response keeps a scenario from being
measured: 401 or 403 where its checks don't expect that. Whatever else happens is that scenario's own, and its load
shows it. A scenario that has no safe request, or whose number of requests matters (`scales: false`), is not asked.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple
from uuid import uuid4

import uvloop
from requests.structures import CaseInsensitiveDict

from loadtasks.engine.http.checks import Checker
from loadtasks.engine.http.request_encoder import RequestEncoder
from loadtasks.engine.http.single_exchange import ExchangeLimits, exchange_once
from loadtasks.engine.net.connector import Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.runners.request_source import RequestSource
from loadtasks.scenarios.model import SAFE_METHODS, HttpScenario, Request, Scenario, parts_of

PREFLIGHT_DEADLINE_S = 10.0
"""Seconds for the requests of all scenarios together. One that has no response by then is simply measured."""
MAX_CONCURRENT = 8
"""Requests under way at a time: no load, and yet a few slow endpoints don't keep the others from being asked."""
_UNAUTHORISED = (401, 403)
_CREDENTIAL = re.compile(r"key|token|auth|secret|session|cookie|passw|signature|credential", re.IGNORECASE)
_NO_CREDENTIAL = frozenset({"authorization", "idempotency-key"})
"""`Authorization` has a field of its own."""
_SCHEMES = ("Bearer", "Basic", "Digest")


@dataclass(frozen=True)
class UnadmittedRequest:
    """A request that the target refuses, and what was sent to be admitted: names, never values."""

    method: str
    path: str
    """As the scenario file has it, placeholders included."""
    status: int
    scheme: str
    """The scheme of the Authorization header that was sent; `other` where it isn't a usual one, empty without one."""
    own_authorization: bool
    """Whether the scenario's own headers had it, which goes before the target's."""
    credentials: tuple[str, ...]
    """Other headers and query parameters whose names say that they admit."""


@dataclass
class PreflightResponses:
    """How the target responded."""

    asked: int = 0
    """How many different requests were sent, or would have been if there had been time."""
    responded: int = 0
    """How many of them got a response, whatever it said."""
    refused: dict[str, UnadmittedRequest] = field(default_factory=dict)
    """By scenario; of a mixed one the first part that is refused."""


class _Question(NamedTuple):
    """A request of a scenario."""

    scenario: str
    written: Request
    """The request as it is written."""
    part: HttpScenario
    """The scenario, or the part of a mixed one, with this request alone, ready to be sent."""
    alike: tuple[bytes, float, float]
    """What is sent, and how long it may take: questions that are alike in this are asked once."""


def run_preflight(scenarios: Sequence[Scenario], target: Target) -> PreflightResponses:
    """Ask a target what scenarios would ask first, all at once. What goes wrong with the target is never raised.

    Raises:
        BadInputError: the target's certificate can't be verified with the CA bundle that the environment names.
    """
    measurement_id = uuid4().hex  # one for all, so that alike requests stay alike
    questions = [question for scenario in scenarios for question in _questions(scenario, target, measurement_id)]
    different = {question.alike: question.part for question in questions}
    if not different:
        return PreflightResponses()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        statuses = dict(zip(different, runner.run(_ask(list(different.values()), target)), strict=True))
    responses = PreflightResponses(asked=len(statuses), responded=sum(status > 0 for status in statuses.values()))
    for question in questions:
        status = statuses[question.alike]
        if status in _UNAUTHORISED and Checker(question.written.checks).status_problem(status) is not None:
            responses.refused.setdefault(question.scenario, _unadmitted(question.written, target, status))
    return responses


def _questions(scenario: Scenario, target: Target, measurement_id: str) -> Iterator[_Question]:
    encoder = RequestEncoder(target)
    for part in parts_of(scenario).values():
        if not isinstance(part, HttpScenario) or not part.scales:
            continue
        written = next((request for request in part.requests if request.method in SAFE_METHODS), None)
        if written is None:
            continue
        row = part.feeder.in_order()[0] if part.feeder is not None else {}
        request = written.of_measurement(measurement_id).fed(row)
        asking = part.model_copy(update={"requests": (request,), "feeder": None, "read_back": None})
        alike = (encoder.encode(request).before, part.timeout_s, part.connect_timeout_s)
        yield _Question(scenario.name, written, asking, alike)


async def _ask(parts: Sequence[HttpScenario], target: Target) -> list[int]:
    """The status that each request got; 0 where it got none before its timeout or the deadline of all."""
    until, turns = perf_counter() + PREFLIGHT_DEADLINE_S, asyncio.Semaphore(MAX_CONCURRENT)

    async def ask(part: HttpScenario) -> int:
        async with turns:
            left_s = min(part.timeout_s, until - perf_counter())
            if left_s <= 0:
                return 0
            exchange = RequestSource(part, target).next(perf_counter())
            connector = Connector(target, min(part.connect_timeout_s, left_s))
            await exchange_once(connector, exchange, ExchangeLimits(left_s, head_only=True))
            return exchange.status

    return await asyncio.gather(*(ask(part) for part in parts))


def _unadmitted(written: Request, target: Target, status: int) -> UnadmittedRequest:
    own = CaseInsensitiveDict(written.headers)
    authorization = own.get("Authorization", target.headers().get("Authorization", ""))
    names = [*(name for name in own if name.lower() not in _NO_CREDENTIAL), *(f"?{name}" for name in written.query)]
    return UnadmittedRequest(
        method=written.method,
        path=written.path,
        status=status,
        scheme=_scheme(authorization),
        own_authorization="Authorization" in own,
        credentials=tuple(name for name in names if _CREDENTIAL.search(name)),
    )


def _scheme(authorization: str) -> str:
    """The scheme of an Authorization header; a value without a usual one may be a key itself."""
    begins = authorization.partition(" ")[0].lower()
    return next((scheme for scheme in _SCHEMES if scheme.lower() == begins), "other" if authorization else "")
