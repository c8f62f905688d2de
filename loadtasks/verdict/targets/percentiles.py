"""What a sample tells of a percentile: between which times it lies, or that there are too few requests for it."""

from collections.abc import Collection, Iterator, Sequence

from loadtasks import units
from loadtasks.measurement.histogram import min_count
from loadtasks.measurement.metrics import METRICS, PERCENTILES
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding

NOT_KNOWN = "not known: "
"""How every note begins that says that a percentile can't be told."""


def interval_s(measurement: Measurement, name: str) -> tuple[float, float] | None:
    """Between which times (seconds) one of `PERCENTILES` lies with 95 % confidence; None where that can't be told."""
    return measurement.response.interval_s(PERCENTILES[name])


def untold(measurement: Measurement, name: str) -> str | None:
    """Why a metric can't be told: `100 requests can't tell a p99; it takes 368`.

    None where it can, where it is no percentile, and where nothing was timed.
    """
    count = measurement.response.count
    if not count or not _too_few(measurement, name):
        return None
    return f"{units.plural(count, 'request')} can't tell a {METRICS[name].label}; it takes {_least(name)}"


def notes(measurements: Sequence[Measurement], targeted: Collection[tuple[str, str]]) -> Iterator[Finding]:
    """That percentiles of one scenario have a target and too few requests to be told: one note a percentile.

    `targeted`: the part and the metric of each target.
    """
    for name in PERCENTILES:
        few = [
            measurement
            for measurement in measurements
            if (measurement.part, name) in targeted and _too_few(measurement, name)
        ]
        if not few:
            continue
        counts = ", ".join(f"{each.part or 'all'} {units.count(each.response.count)}" for each in few)
        told = f"so few requests can't tell a {METRICS[name].label} ({counts}); it takes {_least(name)}"
        sentence = untold(few[0], name) if len(few) == 1 else told
        yield Finding(
            kind=FindingKind.NOTE,
            part=few[0].part if len(few) == 1 else "",
            metric=name,
            sentence=f"{NOT_KNOWN}{sentence}, so its target judges these requests alone",
        )


def _too_few(measurement: Measurement, name: str) -> bool:
    return name in PERCENTILES and 0 < measurement.response.count < min_count(PERCENTILES[name])


def _least(name: str) -> str:
    return units.count(min_count(PERCENTILES[name]))
