"""Numbers as people read them: durations, rates, shares, changes and counts, the same words everywhere.

Three significant digits, a unit that keeps the number short, and no rounding that hides a failure: 99.96 % never reads
100 %. A number that isn't there reads `MISSING`.
"""

# ruff: noqa: RUF001, RUF002, PLR2004 - the typographic minus, times and dash are meant, and so are a unit's limits

import math
from collections.abc import Callable, Mapping

from loadtasks.measurement.metrics import METRICS, Unit

MISSING = "–"
MINUS = "−"


def duration(seconds: float | None) -> str:
    """A time in seconds as `850 µs`, `1.90 ms`, `412 ms` or `2.02 s`; whole µs are the finest there are."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 0:
        return MINUS + duration(-seconds)
    if round(seconds * 1e6) < 1e3:
        return f"{seconds * 1e6:.0f} µs"
    # 999.6 ms would read 1000 ms: what rounds to the next unit is written in it.
    if _rounded(seconds * 1e3) < 1e3:
        return f"{_three_digits(seconds * 1e3)} ms"
    return f"{_three_digits(seconds)} s"


def interval(bounds_s: tuple[float, float] | None) -> str:
    """Two times between which another lies, as `11.2–12.9 ms` or `980 µs–1.10 ms`; one where they read the same."""
    if bounds_s is None:
        return MISSING
    low, high = (duration(bound) for bound in bounds_s)
    if low == high:
        return low
    low_number, _, low_unit = low.partition(" ")
    return f"{low_number if high.endswith(f' {low_unit}') else low}–{high}"


def span(seconds: float | None) -> str:
    """How long something took that people wait for: `42 s`, `2 min 5 s`, `1 h 3 min`; short ones as `duration`."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    whole = round(seconds)
    if whole < 10:
        return duration(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def rough_span(seconds: float | None) -> str:
    """An estimate of how long something will take, rounded up: `40 s`, `5 min`, `3 h`."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds <= 60:
        return f"{max(1, math.ceil(seconds / 10)) * 10} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{math.ceil(minutes / 60):,} h"


def rate(per_second: float | None) -> str:
    """A rate as `412/s`, `38,500/s` or `9.87/s`."""
    if per_second is None or not math.isfinite(per_second):
        return MISSING
    return f"{_three_digits(per_second)}/s"


def share(part: float | None) -> str:
    """A share of 0 to 1 as `99.0 %`; only the whole reads `100 %` and only nothing reads `0 %`."""
    if part is None or not math.isfinite(part):
        return MISSING
    part = round(part, 9)  # what arithmetic leaves of a whole is a whole
    if part in (0, 1):
        return f"{part:.0%}".replace("%", " %")
    percent = part * 100
    for decimals in (1, 2, 3, 4):
        text = f"{percent:.{decimals}f}"
        if 0 < float(text) < 100 or percent > 100:
            return f"{text} %"
    return "> 99.999 %" if part > 0.5 else "< 0.001 %"


def error_rates(*rates: float) -> list[str]:
    """Error rates of 0 to 1 in one unit: as `0.5 %`, and where all are below 0.1 %, as `240 per million`.

    Two significant digits below 1 %; nothing reads `0`.
    """
    in_percent = max(rates) >= 1e-3
    return [_error_rate(rate, in_percent) if rate else "0" for rate in rates]


def _error_rate(rate: float, in_percent: bool) -> str:
    if in_percent:
        return share(rate) if rate >= 0.01 else f"{_plain_two_digits(rate * 100)} %"
    return f"{_plain_two_digits(rate * 1e6)} per million"


def _plain_two_digits(number: float) -> str:
    """`240`, `2.4`, `0.38`: two significant digits, never as a power of ten."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:.6f}".rstrip("0").rstrip(".")


def change(ratio: float | None) -> str:
    """What became of a number, as `+12 %`, `−8 %`, `±0 %`, and from twice upwards `2.1×`."""
    if ratio is None or not math.isfinite(ratio) or ratio < 0:
        return MISSING
    if ratio >= 9.95:
        return f"{_three_digits(ratio) if ratio >= 1e3 else f'{ratio:.0f}'}×"
    if ratio >= 1.995:
        return f"{ratio:.1f}×"
    if 0 < ratio < 0.005:  # would read as if nothing were left
        return f"{MINUS}{min(99.9, math.floor((1 - ratio) * 1e3) / 10)} %"
    percent = round((ratio - 1) * 100)
    if percent == 0:
        return "±0 %"
    return f"+{percent} %" if percent > 0 else f"{MINUS}{-percent} %"


def precise_change(ratio: float | None) -> str:
    """The same with one decimal below twice, for tables of small changes: `+11.5 %`, `−0.4 %`, `2.1×`."""
    if ratio is None or not math.isfinite(ratio) or not 0 < ratio < 1.9995 or ratio < 0.0005:
        return change(ratio)
    percent = f"{abs(ratio - 1) * 100:.1f}"
    if percent == "0.0":
        return "±0 %"
    return f"{'+' if ratio > 1 else MINUS}{percent} %"


def precise_changes(low: float, high: float) -> str:
    """The ends of an interval of changes: `+9.8 to +13.2 %`, or `−3.0 % to 2.1×`."""
    first, last = precise_change(low), precise_change(high)
    return f"{first.removesuffix(' %') if last.endswith('%') else first} to {last}"


def count(number: float | None) -> str:
    """A whole number as `1,000`."""
    if number is None or not math.isfinite(number):
        return MISSING
    return f"{number:,.0f}"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """A number with its noun: `1 request`, `2 requests`."""
    return f"{count(number)} {noun if number == 1 else nouns or noun + 's'}"


def value(metric: str, number: float | None) -> str:
    """A number of one of `loadtasks.measurement.metrics.METRICS` in its unit; of anything else as a count."""
    unit = METRICS[metric].unit if metric in METRICS else Unit.COUNT
    return _IN_UNIT[unit](number)


_IN_UNIT: Mapping[Unit, Callable[[float | None], str]] = {
    Unit.SECONDS: duration,
    Unit.PER_SECOND: rate,
    Unit.SHARE: share,
    Unit.COUNT: count,
}


def _rounded(number: float) -> float:
    return float(f"{number:.3g}")


def _three_digits(number: float) -> str:
    rounded = _rounded(number)
    whole_digits = len(str(int(abs(rounded)))) if abs(rounded) >= 1 else 1
    return f"{rounded:,.{max(0, 3 - whole_digits)}f}"
