"""Diagnosis: the likely cause of a missed target or a regression, named from what was measured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from loadtasks import units
from loadtasks.engine.measurement import Measurement
from loadtasks.results.judgement import Finding, FindingKind
from loadtasks.verdict import throttling
from loadtasks.verdict.phases import slow_phase

_WORTH_NAMING = 0.01
"""The least share of requests for an error to be named as a cause."""
_TAIL = 5.0
"""So many times the median makes the 95th percentile a matter of a few requests."""


@dataclass(frozen=True)
class Case:
    """A measurement in which something is wrong."""

    measurement: Measurement
    baseline: Measurement | None
    """A comparable one, if there is any."""
    metrics: frozenset[str]
    """The metrics that missed a target or got worse."""
    throttling_wanted: bool = False
    """Whether the scenario is there to be throttled."""

    @property
    def slow(self) -> bool:
        """Whether the time of an answered request is among what is wrong."""
        times = {"mean_s", "p50_s", "p90_s", "p95_s", "p99_s", "max_s"}
        return bool(self.metrics & times) and self.measurement.counts.completed > 0

    def count(self, *kinds: str) -> int:
        """How many errors there were of these kinds."""
        return sum(each.count for each in self.measurement.errors if each.kind in kinds)

    def of_all(self, number: int) -> str:
        """A number of requests among all, in words."""
        scheduled = self.measurement.counts.scheduled
        return f"{units.count(number)} of {units.plural(scheduled, 'request')} ({units.share(number / scheduled)})"

    def matters(self, number: int) -> bool:
        """Whether so many requests are worth naming."""
        scheduled = self.measurement.counts.scheduled
        return bool(scheduled) and number / scheduled >= _WORTH_NAMING


def diagnose(
    measurements: Sequence[Measurement], baseline: Sequence[Measurement], findings: Sequence[Finding]
) -> list[Finding]:
    """The likely causes of what the findings say is wrong, for the whole and for each part that is concerned."""
    others = {each.part: each for each in baseline}
    causes = []
    for measurement in measurements:
        metrics = frozenset(
            each.metric
            for each in findings
            if each.part == measurement.part and each.kind in (FindingKind.TARGET, FindingKind.REGRESSION)
        )
        if not metrics:
            continue
        other = others.get(measurement.part)
        comparable = other is not None and other.scenario_hash == measurement.scenario_hash
        case = Case(measurement, other if comparable else None, metrics, throttling.is_wanted(findings))
        sentences = [each for rule in _RULES for each in rule(case)]
        causes += [
            Finding(kind=FindingKind.DIAGNOSIS, part=measurement.part, sentence=sentence)
            for sentence in sentences or ["the cause can't be told from what was measured"]
        ]
    return causes


def _throttled(case: Case) -> Iterator[str]:
    if case.throttling_wanted:
        yield from _throttled_otherwise(case)
        return
    if "throttled" in case.metrics or case.matters(case.measurement.counts.throttled):
        yield throttling.sentence(case.measurement)
    number = throttling.unexplained(case.measurement)
    if case.matters(number):
        yield (
            f"the target throttled the load: {case.of_all(number)} got 429 Too Many Requests (without Retry-After), "
            "which is its rate limit and not slowness; raise the limit for this client or lower the load"
        )


def _throttled_otherwise(case: Case) -> Iterator[str]:
    """What is wrong with a limit that is to hold."""
    number = throttling.unexplained(case.measurement)
    if number:
        yield (
            f"{case.of_all(number)} got 429 Too Many Requests without Retry-After, so that clients can't know when to "
            "come again"
        )
    elif "throttled" in case.metrics:
        yield (
            f"the target's limit is another one than is wanted, doesn't hold, or was used up in part by others: "
            f"{case.of_all(case.measurement.counts.throttled)} were throttled"
        )


def _unanswered(case: Case) -> Iterator[str]:
    number = case.count("timeout", "missed") + case.measurement.counts.in_flight
    if case.matters(number):
        yield f"{case.of_all(number)} got no answer in time{_example(case.measurement, 'timeout', 'missed')}"
    dropped = case.measurement.counts.dropped
    if case.matters(dropped):
        yield (
            f"{case.of_all(dropped)} found no free connection within their patience: the target answers more slowly "
            "than the load asks"
        )


def _dominant_error(case: Case) -> Iterator[str]:
    refused = throttling.unexplained(case.measurement)
    others = [
        (each.count - (refused if each.kind == "status" else 0), each)
        for each in case.measurement.errors
        if each.kind not in ("timeout", "missed", "dropped")
    ]
    if not others:
        return
    number, error = max(others, key=lambda each: each[0])
    if case.matters(number):
        what = _MEANING.get(error.kind, f"failed ({error.kind})")
        yield f"{case.of_all(number)} {what}{_example(case.measurement, error.kind)}"


_MEANING = {
    "status": "were answered with a wrong status",
    "check": "were answered with a wrong body",
    "cut": "were cut off by the target before the answer was whole",
    "closed": "had their WebSocket closed by the target",
    "refused": "were refused a connection: the target was not listening, or its backlog was full",
    "unreachable": "found no way to the target",
    "malformed": "got an answer that is not HTTP",
}


def _tail(case: Case) -> Iterator[str]:
    p50_s, p95_s = case.measurement.p50_s, case.measurement.p95_s
    if "p50_s" in case.metrics or not case.slow or p50_s is None or p95_s is None or p95_s < _TAIL * p50_s:
        return
    yield (
        f"few requests are slow, not all: half took at most {units.duration(p50_s)}, but one in twenty "
        f"{units.duration(p95_s)} or more"
    )


def _slow_phase(case: Case) -> Iterator[str]:
    if case.slow:
        yield slow_phase(case.measurement, case.baseline)


_RULES: tuple[Callable[[Case], Iterator[str]], ...] = (_throttled, _unanswered, _dominant_error, _tail, _slow_phase)
"""Each yields the sentences that it can support; in the order in which people should look."""


def _example(measurement: Measurement, *kinds: str) -> str:
    return next((f", e.g. {each.example}" for each in measurement.errors if each.kind in kinds), "")
