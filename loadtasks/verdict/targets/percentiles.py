"""How much a sample says about a percentile: its confidence interval, or that there are too few requests for one."""

from collections.abc import Collection, Iterator, Sequence

from loadtasks.measurement.histogram import min_count
from loadtasks.measurement.metrics import PERCENTILES
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import InsufficientSample, Sample


def interval_s(measurement: Measurement, name: str) -> tuple[float, float] | None:
    """The 95 % confidence interval (seconds) of one of `PERCENTILES`; None where there are too few requests."""
    return measurement.response.interval_s(PERCENTILES[name])


def requests_needed(measurement: Measurement, name: str) -> int | None:
    """The fewest requests from which a metric can be estimated, where the measurement timed fewer.

    None where it timed enough or nothing at all, and where the metric is no percentile.
    """
    if name not in PERCENTILES:
        return None
    needed = min_count(PERCENTILES[name])
    return needed if 0 < measurement.response.count < needed else None


def insufficient_samples(
    measurements: Sequence[Measurement], targeted: Collection[tuple[str, str]]
) -> Iterator[Finding]:
    """The percentiles of one scenario that have a target and too few requests: one finding a percentile.

    `targeted`: the part and the metric of each target.
    """
    for name, quantile in PERCENTILES.items():
        small = [
            measurement
            for measurement in measurements
            if (measurement.part, name) in targeted and requests_needed(measurement, name) is not None
        ]
        if not small:
            continue
        yield Finding(
            code=FindingCode.INSUFFICIENT_SAMPLE,
            part=small[0].part if len(small) == 1 else "",
            metric=name,
            parameters=InsufficientSample(
                needed=min_count(quantile),
                samples=tuple(
                    Sample(part=measurement.part, requests=measurement.response.count) for measurement in small
                ),
            ),
        )
