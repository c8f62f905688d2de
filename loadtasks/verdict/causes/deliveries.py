"""Slow WebSockets: the steps of an opening, and those of an event on its way to its listeners."""

from collections.abc import Iterator

from loadtasks import units
from loadtasks.measurement.model import SERVER, Phase
from loadtasks.verdict.causes.attribution import TOTAL
from loadtasks.verdict.causes.case import Case, Cause
from loadtasks.verdict.causes.meanings import DATABASE, POOL

_LONGER = 1.5
"""So many times as long as before is longer."""


def slow(case: Case) -> Iterator[Cause]:
    """Where the time of openings or deliveries goes."""
    if not case.websocket or not (case.slow or "connect_mean_s" in case.metrics):
        return
    if "publish" in case.measurement.phases:
        yield from _slow_delivery(case)
    else:
        yield from _slow_opening(case)


def _slow_delivery(case: Case) -> Iterator[Cause]:
    """Publishing, the way to the first listener, or that to all others."""
    first, spread, publish = (_rise(case, name) for name in ("first_delivery", "fan_out", "publish"))
    if spread.s > first.s:
        yield Cause(
            f"the fan-out: from the first listener to the last it takes {spread.told}, to the first {first.told}",
            "see how the target sends to many: one after another, a slow client that holds others up, too little CPU; "
            "spread the clients over more instances",
        )
    elif publish.s >= first.s / 2:
        server = max(
            (name for name in case.measurement.phases if name.startswith(SERVER) and name != TOTAL),
            key=lambda name: _rise(case, name).s,
            default="",
        )
        most = _rise(case, server) if server else None
        phase = server.removeprefix(SERVER)
        named = f", most of it its phase {phase}" if most and most.s >= publish.s / 2 else ""
        named += _held(case) if named and phase.lower() in POOL else ""
        yield Cause(
            f"publishing: the request that publishes takes {publish.told}{named}, and the first listener has its "
            f"event after {first.told}; from there to the last takes {spread.told}",
            "look at the request that publishes as at any slow request: its phases, its database",
        )
    else:
        yield Cause(
            f"the way from publishing to the WebSockets: the first listener has its event after {first.told}, though "
            f"publishing takes {publish.told}",
            "look at what carries events between them: Redis, a queue, a loop that is busy with something else",
        )


def _held(case: Case) -> str:
    """That a connection is held longer, which is why others wait for one; empty where it isn't."""
    for name in case.measurement.phases:
        rise = _rise(case, name)
        if name.startswith(SERVER) and name.removeprefix(SERVER).lower() in DATABASE and rise.ratio >= _LONGER:
            return f" (each connection being held longer: {name.removeprefix(SERVER)} takes {rise.told})"
    return ""


def _slow_opening(case: Case) -> Iterator[Cause]:
    """Connecting, or the upgrade."""
    connect, upgrade = _rise(case, "connect"), _rise(case, "upgrade")
    if not connect.s:
        return
    if upgrade.s >= connect.s / 2:
        yield Cause(
            f"the upgrade: of an opening's {connect.told} it takes {upgrade.told}",
            "see what the target does before it accepts (checking the token, its database) and whether its workers are "
            "busy",
        )
    else:
        yield Cause(
            f"connecting: an opening takes {connect.told}, of which the upgrade takes only {upgrade.told}; a target "
            "that accepts late can't be told from a slow network",
            "see the target's backlog and how many open at once, and measure the network",
            sure=False,
        )


class _Rise:
    """How much a phase takes, or has grown, in seconds and in words."""

    def __init__(self, now: Phase | None, before: Phase | None) -> None:
        now_s = (now.mean_s if now else None) or 0.0
        before_s = before.mean_s if before else None
        self.s = now_s if before_s is None else max(0.0, now_s - before_s)
        self.ratio = now_s / before_s if before_s else 0.0
        self.told = units.duration(now_s) + (f" ({units.duration(before_s)} before)" if before_s is not None else "")


def _rise(case: Case, name: str) -> _Rise:
    before = case.baseline.phases.get(name) if case.baseline is not None else None
    return _Rise(case.measurement.phases.get(name), before)
