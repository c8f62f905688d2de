"""The target's own metrics, read before and after a scenario: Prometheus' text format, bounded.

The growth of counters and the values of gauges are kept. Where a counter fell, the target was restarted or another one
of its instances responded, and no difference means anything.
"""

import math
from collections import defaultdict
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from loadtasks.engine.http.probe import probe
from loadtasks.engine.net.target import Target
from loadtasks.errors import TargetUnavailableError
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.redaction.redactor import Redactor

MAX_SERIES = 100
"""Counters, and gauges, of one scenario that are kept."""
MAX_LINES = 100_000
"""Lines of a page of metrics; a larger page takes seconds to read, and is left unread."""
_MAX_LINE = 16_384
_MAX_NAME, _MAX_PROBLEM = 160, 300
_OK = 200
_COUNTED = {"histogram": ("_count", "_sum"), "summary": ("_count", "_sum"), "unknown": ("_total",)}
"""What counts up among the samples of other types than `counter`, by how their names end."""


class Snapshot(NamedTuple):
    """The metrics of one moment, or why there are none."""

    counters: dict[str, float]
    gauges: dict[str, float]
    problem: str = ""


def read_metrics(target: Target) -> Snapshot:
    """The target's metrics now; never raises. Not to be called on an event loop."""
    path = target.metrics_path or target.USUAL_METRICS_PATH
    try:
        response = probe(target, path)
    except TargetUnavailableError as error:
        return Snapshot({}, {}, str(error).rstrip("."))
    if response.status != _OK:
        return Snapshot({}, {}, f"GET {path} returned {response.status}")
    try:
        return _parsed(response.body().decode())
    except (ValueError, KeyError, IndexError) as error:  # whatever the parser makes of a text that is none
        return Snapshot({}, {}, f"GET {path} returned no metrics in Prometheus' text format ({error})")


def compare_metrics(target: Target, before: Snapshot, after: Snapshot, redactor: Redactor) -> TargetMetrics | None:
    """The change between two snapshots; None where the target has no metrics and no path of theirs is configured.

    The redactor takes the secrets out of the target's words: a label may hold a path, and that a key.
    """
    problem = before.problem or after.problem
    if problem:
        return TargetMetrics(problem=redactor.shortened(problem, _MAX_PROBLEM)) if target.metrics_path else None
    if any(
        after.counters.get(series, 0.0) < value for series, value in before.counters.items() if "_sum" not in series
    ):
        return TargetMetrics(
            problem="its counters fell under the load: it was restarted, or its instances respond in turn"
        )
    growths = {series: value - before.counters.get(series, 0.0) for series, value in after.counters.items()}
    gauges = {series: (before.gauges.get(series, value), value) for series, value in after.gauges.items()}
    counters: dict[str, float] = defaultdict(float)
    for series, growth in [(series, growth) for series, growth in growths.items() if growth][:MAX_SERIES]:
        counters[redactor.shortened(series, _MAX_NAME, mark="")] += growth
    kept = list(gauges.items())[:MAX_SERIES]
    return TargetMetrics(
        counters=dict(counters),
        gauges={redactor.shortened(series, _MAX_NAME, mark=""): values for series, values in kept},
    )


def _parsed(text: str) -> Snapshot:
    if text.count("\n") > MAX_LINES:
        raise ValueError(f"it has more than {MAX_LINES:,} lines")
    if max(map(len, text.splitlines()), default=0) > _MAX_LINE:
        raise ValueError(f"a line of it has more than {_MAX_LINE:,} characters")
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
    written = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{written}}}" if written else name
