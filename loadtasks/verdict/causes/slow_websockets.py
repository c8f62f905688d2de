"""Slow WebSockets: the steps of an opening, and those of an event on its way to its listeners."""

from collections.abc import Iterator

from loadtasks.measurement.model import SERVER, Phase
from loadtasks.results.findings.causes.slowness import MeanTime, SlowDelivery, SlowOpening, SlowPublishing
from loadtasks.results.findings.codes import FindingCode, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.attribution import TOTAL
from loadtasks.verdict.causes.case import Case
from loadtasks.verdict.causes.phase_names import DATABASE, POOL

# Rules of thumb, all of them.
_LONGER = 1.5
"""A phase takes longer from this multiple of the baseline's upwards."""
_MIN_SHARE = 0.5
"""A step, or a phase within it, that carries at least this share is the cause."""


def slow(case: Case) -> Iterator[Finding]:
    """Where the time of openings or deliveries is spent."""
    if not case.websocket or not (case.slow or "connect_mean_s" in case.metrics):
        return
    if "publish" in case.measurement.phases:
        yield _slow_delivery(case)
    else:
        yield from _slow_opening(case)


def _slow_delivery(case: Case) -> Finding:
    """Publishing, the way to the first listener, or that from it to all others."""
    deliveries = SlowDelivery(
        publish=_time(case, "publish"),
        first_delivery=_time(case, "first_delivery"),
        fan_out=_time(case, "fan_out"),
    )
    first_s, publish_s = _rise_s(deliveries.first_delivery), _rise_s(deliveries.publish)
    if _rise_s(deliveries.fan_out) > first_s:
        return case.cause(FindingCode.FAN_OUT_SLOW, deliveries)
    if publish_s >= _MIN_SHARE * first_s:
        return case.cause(FindingCode.PUBLISHING_SLOW, _publishing(case, deliveries))
    return case.cause(FindingCode.EVENT_TRANSPORT_SLOW, deliveries)


def _publishing(case: Case, deliveries: SlowDelivery) -> SlowPublishing:
    """With the phase of the target that most of publishing is spent in, and why others wait for a connection."""
    slowest = max(_server_phases(case), key=lambda name: _rise_s(_time(case, name)), default="")
    if not slowest or _rise_s(_time(case, slowest)) < _MIN_SHARE * _rise_s(deliveries.publish):
        return SlowPublishing(**dict(deliveries))
    phase = slowest.removeprefix(SERVER)
    held = _held_longer(case) if phase.lower() in POOL else ""
    return SlowPublishing(
        **dict(deliveries),
        phase=phase,
        held_phase=held.removeprefix(SERVER),
        held=_time(case, held) if held else None,
    )


def _held_longer(case: Case) -> str:
    """The phase of the database where connections are held longer than in the baseline; empty where they aren't."""
    for name in _server_phases(case):
        time = _time(case, name)
        if name.removeprefix(SERVER).lower() in DATABASE and time.before_s and time.now_s >= _LONGER * time.before_s:
            return name
    return ""


def _slow_opening(case: Case) -> Iterator[Finding]:
    """Connecting, or the upgrade."""
    opening = SlowOpening(connect=_time(case, "connect"), upgrade=_time(case, "upgrade"))
    connect_s = _rise_s(opening.connect)
    if not connect_s:
        return
    if _rise_s(opening.upgrade) >= _MIN_SHARE * connect_s:
        yield case.cause(FindingCode.UPGRADE_SLOW, opening)
    else:  # a target that accepts late and a slow network look the same
        yield case.cause(FindingCode.OPENING_SLOW, opening, Likelihood.POSSIBLE)


def _server_phases(case: Case) -> list[str]:
    return [name for name in case.measurement.phases if name.startswith(SERVER) and name != TOTAL]


def _time(case: Case, name: str) -> MeanTime:
    before = case.baseline.phases.get(name) if case.baseline is not None else None
    return MeanTime(
        now_s=_mean_s(case.measurement.phases.get(name)) or 0.0,
        before_s=_mean_s(before),
    )


def _mean_s(phase: Phase | None) -> float | None:
    return phase.mean_s if phase is not None else None


def _rise_s(time: MeanTime) -> float:
    """By how much a time rose over the baseline; the time itself where there is none."""
    return time.now_s if time.before_s is None else max(0.0, time.now_s - time.before_s)
