"""The target's own metrics, read before and after a scenario: Prometheus' text format, bounded.

What counters grew by, and what gauges stood at, is kept. Where a counter fell, the target was restarted or another one
of its instances answered, and no difference means anything.
"""

import math
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, ConfigDict

from loadtasks.engine.net.target import Target
from loadtasks.errors import TargetUnavailableError

MOST_SERIES = 100
"""Counters and gauges of one scenario that are kept, each."""
_LONGEST_NAME = 160
_LONGEST_TEXT = 8 * 1024 * 1024
_OK = 200
_COUNTED = {"histogram": ("_count", "_sum"), "summary": ("_count", "_sum"), "unknown": ("_total",)}
"""What counts up among the samples of other types than `counter`, by how their names end."""


class TargetMetrics(BaseModel):
    """What a target's own metrics told of a scenario."""

    model_config = ConfigDict(frozen=True)

    counters: dict[str, float] = {}
    """What each one grew by that did, by name and labels as the target writes them."""
    gauges: dict[str, tuple[float, float]] = {}
    """What each one stood at before and after."""
    problem: str = ""
    """Why nothing is known, as a clause; empty where something is."""

    def counted(self, name: str, **labels: str) -> float:
        """What all series of a counter with these labels grew by."""
        return sum(
            grown
            for series, grown in self.counters.items()
            if series.partition("{")[0] == name and all(f'{key}="{value}"' in series for key, value in labels.items())
        )

    def gauge(self, name: str) -> tuple[float, float] | None:
        """What a gauge without labels stood at before and after; None where the target has none."""
        return self.gauges.get(name)


class Snapshot(NamedTuple):
    """The metrics of one moment, or why there are none."""

    counters: dict[str, float]
    gauges: dict[str, float]
    problem: str = ""


def read(target: Target) -> Snapshot:
    """The target's metrics now; never raises."""
    try:
        answer = target.metrics()
    except TargetUnavailableError as error:
        return Snapshot({}, {}, str(error).rstrip("."))
    where = f"GET {target.metrics_path or target.USUAL_METRICS_PATH}"
    if answer.status_code != _OK:
        return Snapshot({}, {}, f"{where} answered {answer.status_code}")
    if len(answer.content) > _LONGEST_TEXT:
        return Snapshot({}, {}, f"{where} answered more than {_LONGEST_TEXT >> 20} MiB")
    try:
        return _parsed(answer.content.decode())
    except (ValueError, KeyError, IndexError) as error:  # whatever the parser makes of a text that is none
        return Snapshot({}, {}, f"{where} answered no metrics in Prometheus' text format ({error})")


def between(target: Target, before: Snapshot, after: Snapshot) -> TargetMetrics | None:
    """What became of the metrics; None where the target has none and nobody said where they are."""
    problem = before.problem or after.problem
    if problem:
        return TargetMetrics(problem=problem) if target.metrics_path else None
    if any(
        after.counters.get(series, 0.0) < value for series, value in before.counters.items() if "_sum" not in series
    ):
        return TargetMetrics(
            problem="its counters fell under the load: it was restarted, or its instances answer by turns"
        )
    grown = {series: value - before.counters.get(series, 0.0) for series, value in after.counters.items()}
    both = {series: (before.gauges.get(series, value), value) for series, value in after.gauges.items()}
    return TargetMetrics(
        counters=dict([each for each in grown.items() if each[1]][:MOST_SERIES]),
        gauges=dict(list(both.items())[:MOST_SERIES]),
    )


def _parsed(text: str) -> Snapshot:
    counters: dict[str, float] = {}
    gauges: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not math.isfinite(sample.value) or sample.name.endswith("_created"):
                continue
            if family.type == "gauge":
                gauges[_series(sample.name, sample.labels)] = sample.value
            elif family.type == "counter" or sample.name.endswith(_COUNTED.get(family.type, ())):
                counters[_series(sample.name, sample.labels)] = sample.value
    if not counters and not gauges:
        raise ValueError("none is a counter or a gauge")
    return Snapshot(counters, gauges)


def _series(name: str, labels: dict[str, str]) -> str:
    told = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return (f"{name}{{{told}}}" if told else name)[:_LONGEST_NAME]
