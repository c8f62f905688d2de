"""What the target's own metrics say: causes by those whose meaning is known, notes by all others."""

from collections.abc import Iterator

from loadtasks import units
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.verdict.causes.case import Case, Cause

NOTED = "the target's own metrics"
"""How every note begins that these metrics give."""
_BIG = 10.0
"""So many times the baseline's makes a number worth a note ..."""
_MUCH = 100.0
"""... where it is at least so large."""
_MOST = 3
"""Metrics that one note names."""


def dependencies(case: Case) -> Iterator[Cause]:
    """Something that the target needs and says is down."""
    if case.redis_fell:
        yield Cause(
            "Redis is down for the target, as its gauge redis_up says: each instance then has a cache, limits and "
            "events of its own",
            "bring Redis back, or see that the target reaches it (of the shipped API: APP_REDIS_URL)",
        )


def connecting(case: Case) -> Iterator[Cause]:
    """Connections of HTTP scenarios that open slowly."""
    now_s = case.measurement.connect_mean_s
    if "connect_mean_s" not in case.metrics or case.websocket or now_s is None:
        return
    before_s = case.baseline.connect_mean_s if case.baseline is not None else None
    before = f", {units.duration(before_s)} in the baseline" if before_s is not None else ""
    yield Cause(
        f"opening connections: {units.duration(now_s)} each{before}; a target that accepts late can't be told from a "
        "slow network, or from TLS",
        "see the target's listen backlog and CPU, measure the network, and keep connections open",
        sure=False,
    )


def notes(now: TargetMetrics | None, before: TargetMetrics | None) -> Iterator[str]:
    """What is told of these metrics without a claim: that they can't be used, or which counters stand out."""
    if now is None:
        return
    if now.problem:
        yield f"{NOTED} can't be used: {now.problem}"
        return
    if before is None or before.problem:
        return
    rises = {
        series: grown / max(1.0, before.counters.get(series, 0.0))
        for series, grown in now.counters.items()
        if "_sum" not in series and grown >= _MUCH and grown >= _BIG * before.counters.get(series, 0.0)
    }
    told = [
        f"{series} grew by {now.counters[series]:,.0f}, {before.counters.get(series, 0.0):,.0f} in the baseline"
        for series in sorted(rises, key=lambda rise: -rises[rise])[:_MOST]
    ]
    if told:
        yield f"{NOTED} stand out, which need not be the cause: {'; '.join(told)}"
