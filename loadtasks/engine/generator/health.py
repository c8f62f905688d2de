"""Whether the generator was healthy during a measurement, judged from what was seen of it while it did.

A generator that is late or saturated measures itself. Its lateness is of two kinds: `loop lag`, from the moment that
something arrives or is due to the moment that the event loop gets to it, which is in every time that it measures; and
`dispatch lag`, the same for the requests of an open profile. Either saturates the generator

    where its 99th percentile is past a tenth of a second, the tightest target that people set, or
    where its median, of 20 or more, is past 1 ms and past a fifth of the median response time.
"""

from collections.abc import Iterator, Sequence

from loadtasks.engine.generator.monitor import Observation
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.health import Calibration, Health, Saturation, SaturationCode, Statistic
from loadtasks.measurement.histogram import Histogram

MAX_LAG_S = 0.1
MAX_CPU_SHARE = 0.9
_MIN_LAG_S = 0.001
_MAX_LAG_SHARE = 0.2
_ENOUGH_FOR_A_MEDIAN = 20
_LONG_ENOUGH_S = 1.0
"""CPU share of a shorter measurement says little."""


def health(observations: Sequence[Observation], whole: Recorder, calibration: Calibration | None) -> Health:
    """The generator's health: one observation for each of its processes, and the recorder of all that they did."""
    whole.fold()
    lag = Histogram()
    for observation in observations:
        lag.add(observation.lag)
    busiest = max(observations, key=lambda observation: observation.cpu_share)
    return Health(
        cpu_share=busiest.cpu_share,
        loop_lag_p99_s=lag.quantile_s(0.99) or 0.0,
        loop_lag_max_s=lag.max_s or 0.0,
        send_lag_p99_s=whole.send_lag.quantile_s(0.99) or 0.0,
        waited_for_connection=whole.waited_for_connection,
        sent_per_s=whole.sent_per_s,
        calibration=calibration,
        saturation=list(_saturation(lag, busiest, whole, calibration)),
    )


def _saturation(
    lag: Histogram, busiest: Observation, whole: Recorder, calibration: Calibration | None
) -> Iterator[Saturation]:
    response_s = whole.response.quantile_s(0.5)
    rates = {
        "sent_per_s": whole.sent_per_s,
        "ceiling_per_s": calibration.ceiling_per_s if calibration is not None else None,
    }
    if busiest.elapsed_s >= _LONG_ENOUGH_S and busiest.cpu_share > MAX_CPU_SHARE:
        yield Saturation(code=SaturationCode.CPU, observed=busiest.cpu_share, limit=MAX_CPU_SHARE).model_copy(
            update=rates
        )
    if (late := _late(SaturationCode.DISPATCH_LAG, whole.dispatch_lag, response_s)) is not None:
        yield late.model_copy(update=rates)
    if (late := _late(SaturationCode.LOOP_LAG, lag, response_s)) is not None:
        yield late


def _late(code: SaturationCode, lag: Histogram, response_s: float | None) -> Saturation | None:
    """A lag over its limit; None where it is small enough."""
    p99_s, median_s = lag.quantile_s(0.99) or 0.0, lag.quantile_s(0.5) or 0.0
    if p99_s > MAX_LAG_S:
        return Saturation(code=code, observed=p99_s, limit=MAX_LAG_S, statistic=Statistic.P99)
    if response_s is None or lag.count < _ENOUGH_FOR_A_MEDIAN:
        return None
    limit_s = max(_MIN_LAG_S, _MAX_LAG_SHARE * response_s)
    if median_s <= limit_s:
        return None
    return Saturation(code=code, observed=median_s, limit=limit_s, statistic=Statistic.MEDIAN)
