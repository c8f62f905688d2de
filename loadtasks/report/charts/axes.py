"""Axes of charts: round ticks, and labels in the unit of a metric."""

import math
from dataclasses import dataclass

from loadtasks.measurement.metrics import METRICS, Unit

MIN_RANGE = 0.04
"""A chart that doesn't begin at 0 spans at least this share of the middle value, below and above it: otherwise noise of
1 % would look like a mountain."""
_DECADE = 8.0
"""From this ratio of the largest to the smallest value on, an axis of times is logarithmic."""
_MANY_DECADES = 2.2
"""From here on only 1, 10, 100 are labelled: 2 and 5 would crowd."""
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECONDS = (
    "abs(datum.value) >= 0.9999999 ? format(datum.value, '.4~r') + ' s' : "
    "abs(datum.value) >= 0.0009999999 ? format(datum.value * 1e3, '.4~r') + ' ms' : "
    "datum.value ? format(datum.value * 1e6, '.4~r') + ' µs' : '0'"
)
_LABELS = {
    Unit.SECONDS: _SECONDS,
    Unit.PER_SECOND: "format(datum.value, ',.4~r') + '/s'",
    Unit.SHARE: "format(datum.value * 100, '.6~r') + ' %'",
    Unit.COUNT: "format(datum.value, ',.6~r')",
}


def label_expression(metric: str) -> str:
    """The label of a tick as a Vega expression, in the unit of one of `METRICS`."""
    return _LABELS[METRICS[metric].unit]


@dataclass(frozen=True)
class ValueAxis:
    """A vertical axis: where it begins and ends, and its ticks."""

    low: float
    high: float
    logarithmic: bool
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """How high a value stands: 0 at the bottom, 1 at the top."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    @property
    def scale(self) -> dict[str, object]:
        """The scale in Vega-Lite."""
        return {"type": "log" if self.logarithmic else "linear", "domain": [self.low, self.high], "nice": False}


def time_axis(low: float, high: float) -> ValueAxis:
    """An axis for times from `low` to `high`, both above 0: from 0 on, or logarithmic where the range is large."""
    if high / low < _DECADE:
        return ValueAxis(0.0, high * 1.12, logarithmic=False, ticks=_linear_ticks(0.0, high * 1.12))
    low, high = low / 1.25, high * 1.35
    return ValueAxis(low, high, logarithmic=True, ticks=_logarithmic_ticks(low, high))


def _linear_ticks(low: float, high: float, most: int = 5) -> tuple[float, ...]:
    magnitude = 10 ** math.floor(math.log10((high - low) / most))
    step = next(
        step * scale
        for scale in (magnitude, magnitude * 10)
        for step in _STEPS
        if (high - low) / (step * scale) <= most
    )
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(float(f"{number * step:.12g}") for number in range(first, last + 1))


def _logarithmic_ticks(low: float, high: float) -> tuple[float, ...]:
    factors = (1.0,) if math.log10(high / low) > _MANY_DECADES else (1.0, 2.0, 5.0)
    return tuple(
        tick
        for decade in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for factor in factors
        if low <= (tick := float(f"{factor}e{decade}")) <= high
    )
