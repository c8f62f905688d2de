"""Which phase of the requests takes the time, or has grown against the baseline."""

from loadtasks import units
from loadtasks.engine.measurement import Measurement

_MOST = 0.5
"""A phase is named when it carries at least this share."""
_SERVER = "server:"
_TOTAL = "server:total"
"""What the target says it took altogether, as the phase that its others are part of."""
_WAITING = "waiting"
_OUTSIDE = {
    _WAITING: "waiting for a free connection: the target holds them all longer than the load asks",
    "first_byte": "between the request and the first byte of its answer",
    "body": "in the transfer of the body: a large answer, or a slow network",
    "connect": "in opening connections",
}


def slow_phase(measurement: Measurement, baseline: Measurement | None) -> str:
    """Where most of the time goes, or most of its growth when there is a comparable baseline: one sentence."""
    now = _means_s(measurement)
    before = _means_s(baseline) if baseline is not None else {}
    grown = {name: now_s - before.get(name, 0.0) for name, now_s in now.items()}
    outside = [name for name in _OUTSIDE if name in now]
    if before and sum(max(0.0, grown[name]) for name in outside) > 0 and _slower(measurement, baseline):
        return _told(grown, outside, "the growth")
    return _told(now, outside, "the time")


def _slower(measurement: Measurement, baseline: Measurement | None) -> bool:
    """Whether there is growth to explain; a target may be missed without any."""
    before = baseline.mean_s if baseline is not None else None
    return measurement.mean_s is not None and before is not None and measurement.mean_s > 1.1 * before


def _means_s(measurement: Measurement) -> dict[str, float]:
    """Seconds that each phase takes of a completed request, in which it may come never or more than once."""
    requests = max(1, measurement.counts.completed)
    means = {name: phase.total_s / requests for name, phase in measurement.phases.items()}
    if "first_byte" in means:
        means.pop("connect", None)  # over kept connections it is no part of a request's time
        waited_s = (measurement.response.mean_s or 0.0) - (measurement.service.mean_s or 0.0)
        means[_WAITING] = max(0.0, waited_s)
    return means


def _told(amounts: dict[str, float], outside: list[str], what: str) -> str:
    whole = sum(max(0.0, amounts[name]) for name in outside)
    if whole <= 0:
        return f"no phase was measured that could tell where {what} goes"
    name = max(outside, key=lambda each: amounts[each])
    share = amounts[name] / whole
    if share < _MOST:
        return f"no single phase carries most of {what}; the largest is {name} with {units.share(share)}"
    if name == "first_byte":
        inside = _inside(amounts, what)
        if inside:
            return inside
    return f"most of {what} ({_amount(amounts[name], whole)}) goes by {_OUTSIDE[name]}" + (
        "; the target sends no Server-Timing that could tell more" if name == "first_byte" else ""
    )


def _inside(amounts: dict[str, float], what: str) -> str | None:
    """The target's own phases, which lie within the time to the first byte."""
    first_byte = amounts["first_byte"]
    named = {name: amount for name, amount in amounts.items() if name.startswith(_SERVER) and name != _TOTAL}
    total = amounts.get(_TOTAL, sum(named.values()))
    if not named and _TOTAL not in amounts:
        return None
    if named:
        name = max(named, key=lambda each: named[each])
        if named[name] >= _MOST * first_byte:
            return f"most of {what} ({_amount(named[name], first_byte)}) is the target's {name}"
    if total < _MOST * first_byte:
        return (
            f"most of {what} ({_amount(first_byte - total, first_byte)}) passes before the target begins to work or "
            "outside of what its Server-Timing covers: requests queue for a free worker, or the network is slow"
        )
    return (
        f"most of {what} ({_amount(total, first_byte)}) is spent in the target, in no single one of the phases that "
        f"its Server-Timing names{' (' + ', '.join(sorted(named)) + ')' if named else ''}"
    )


def _amount(part: float, whole: float) -> str:
    if part >= whole:  # the other phases shrank
        return f"{units.duration(whole)} a request, all of it"
    return f"{units.duration(part)} of {units.duration(whole)} a request, {units.share(part / whole)}"
