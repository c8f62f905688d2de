"""Pieces of sentences that several kinds of findings share: changes of metrics, and throttling."""

# ruff: noqa: RUF002 - the typographic times and minus are meant

from collections.abc import Sequence
from datetime import datetime

from loadtasks import units
from loadtasks.measurement.control import NULL_CONNECT, NULL_SERVER
from loadtasks.results.error_counts import ErrorCounts
from loadtasks.results.findings.targets import Throttled

_MILLION = " per million"
_CONTROLS = {NULL_SERVER: "the null server", NULL_CONNECT: "connecting to the null server"}
_AT_ONCE_S = 0.05
"""What begins no later after a load's start began with it."""
ASK_FOR_MORE = "ask for a higher limit, or send fewer requests per second"
"""What to do about a limit that was not to be met."""


def change(name: str, ratio: float) -> str:
    """How a metric changed: `p50 rose 12 %`, `p50 rose 4.3×`, `throughput fell 8 %`."""
    amount = units.change(ratio).removeprefix("+").removeprefix(units.MINUS)
    return f"{name} {'rose' if ratio > 1 else 'fell'} {amount}"


def pace(ratio: float) -> str:
    """How a control's time changed: `31 % slower`, `2.4× slower`."""
    amount = units.change(ratio).removeprefix("+").removeprefix(units.MINUS)
    return f"{amount} {'slower' if ratio > 1 else 'faster'}"


def control(name: str) -> str:
    """A control as people read it: `the null server`, `the control static.get`."""
    return _CONTROLS.get(name, f"the control {name}")


def interval(low: float, high: float) -> str:
    """The ends of a ratio's interval as changes: `+9 % to +15 %`."""
    return f"{units.change(low)} to {units.change(high)}"


def confidence(low: float | None, high: float | None) -> str:
    """A ratio's interval, in brackets and after a space: ` (CI +9 % to +15 %)`; empty where there is none."""
    return f" (CI {interval(low, high)})" if low is not None and high is not None else ""


def error_change(errors: ErrorCounts) -> str:
    """How an error rate changed: `the error rate rose from 0 to 0.5 %`."""
    before, now = units.error_rates(errors.rate_before, errors.rate)
    verb = "rose" if errors.rate > errors.rate_before else "fell"
    return f"the error rate {verb} from {before.removesuffix(_MILLION)} to {now}"


def error_values(errors: ErrorCounts) -> str:
    """The same in short, with its interval: `error rate 0 → 0.5 % (0.38 % to 0.66 %)`."""
    before, now, *ends = units.error_rates(errors.rate_before, errors.rate, errors.low, errors.high)
    return f"error rate {before.removesuffix(_MILLION)} → {now} ({_ends(ends)})"


def error_step(errors: ErrorCounts) -> str:
    """Both error rates of a change: `error rate 0 → 0.5 %`."""
    before, now = units.error_rates(errors.rate_before, errors.rate)
    return f"error rate {before.removesuffix(_MILLION)} → {now}"


def error_interval(errors: ErrorCounts) -> str:
    """The ends of the interval of an error rate since a change: `0.38 % to 0.66 %`."""
    *_, low, high = units.error_rates(errors.rate_before, errors.rate, errors.low, errors.high)
    return _ends((low, high))


def _ends(ends: Sequence[str]) -> str:
    return " to ".join(end.removesuffix(_MILLION) for end in ends)


def failed_of(errors: ErrorCounts) -> str:
    """The requests that show an error rate: `50 of 10,000 requests`."""
    return f"{units.count(errors.failed)} of {units.plural(errors.requests, 'request')}"


def versions(before: str | None, after: str | None) -> str:
    """The target's versions around a change: `version 1.4.1 → 1.4.2`; empty where the later one is not known."""
    if after is None:
        return ""
    if before is None:
        return f"version {after}"
    return f"version {after} unchanged" if before == after else f"version {before} → {after}"


def from_to(metric: str, before: float | None, now: float | None) -> str:
    """An earlier and a later value in the metric's unit: `5.56 ms → 23.2 ms`."""
    return f"{units.value(metric, before)} → {units.value(metric, now)}"


def moment(at: datetime) -> str:
    """A point in time, to the minute: `28 Nov 22:56`."""
    return f"{at.day} {at:%b %H:%M}"


def day(at: datetime) -> str:
    """A day: `12 Oct`."""
    return f"{at.day} {at:%b}"


def moment_of_year(at: datetime) -> str:
    """A point in time with its year and zone: `2030-11-28 22:56 UTC`."""
    return f"{at:%Y-%m-%d %H:%M %Z}"


def from_the_start(seconds: float) -> str:
    """A point in a load's time: `from 3.00 s into the load`, or `from the start of the load`."""
    return f"from {units.duration(seconds)} into the load" if seconds >= _AT_ONCE_S else "from the start of the load"


def durations(seconds: Sequence[float | None]) -> tuple[list[str], str]:
    """Times as numbers, and the unit that all of them have, with a space before it.

    Where they don't have one in common, or one is missing, each number carries its own and the common one is empty.
    """
    texts = [units.duration(one) for one in seconds]
    split = [text.partition(" ") for text in texts]
    names = {unit for _, _, unit in split}
    if len(names) == 1 and "" not in names:
        return [number for number, _, _ in split], f" {names.pop()}"
    return texts, ""


def listed(names: Sequence[str]) -> str:
    """Names in a row: `p50`, `p50 and p95`, `p50, p95 and throughput`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def sentences(*parts: str) -> str:
    """The parts that are not empty, one sentence after the other, without the last full stop."""
    return ". ".join(part for part in parts if part)


def rejections(parameters: Throttled) -> str:
    """How many requests a rate limit rejected: `40 of 120 requests were throttled (429 with Retry-After)`."""
    throttled, scheduled, statuses = parameters.throttled, parameters.scheduled, parameters.statuses
    if not throttled:
        return f"none of {units.plural(scheduled, 'request')} was throttled"
    verb = "was" if throttled == 1 else "were"
    seen = f" ({' or '.join(str(status) for status in statuses)} with Retry-After)" if statuses else ""
    return f"{units.count(throttled)} of {units.plural(scheduled, 'request')} {verb} throttled{seen}"


def admitted_only(parameters: Throttled) -> str:
    """Whose response times are left: `the response times are those of the 80 admitted requests`."""
    admitted = parameters.scheduled - parameters.throttled
    number = "one" if admitted == 1 else units.count(admitted)
    return f"the response times are those of the {number} admitted request{'' if admitted == 1 else 's'}"
