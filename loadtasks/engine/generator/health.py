"""Whether the load generator was healthy while it measured, judged from what its monitor saw of it.

A generator that is late or saturated measures itself. Its lateness is of two kinds: `loop lag`, from the moment that
something arrives or is due to the moment that the event loop gets to it, which is in every time that it measures; and
`dispatch lag`, the same for the requests of an open profile. Either makes a generator saturated

    where its 99th percentile exceeds a tenth of a second, the tightest target that people set, or
    where its median, of 20 or more, exceeds 2 ms and a fifth of the median response time.

The 2 ms are what a healthy generator keeps below on a busy machine: next to other processes that take turns with it on
all cores, its median lag was seen to be 0.1 to 1.9 ms, and below 0.6 ms in measurements of half a second and more.
"""

from collections.abc import Iterator, Sequence

from loadtasks.engine.generator.monitor import GeneratorObservation
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.health import Calibration, Health, Saturation, SaturationCode, Statistic
from loadtasks.measurement.histogram import Histogram

MAX_LAG_S = 0.1
MAX_CPU_SHARE = 0.9
_MIN_LAG_S = 0.002
_MAX_LAG_SHARE = 0.2
_MIN_COUNT_FOR_MEDIAN = 20
_MIN_ELAPSED_S = 1.0
"""The CPU share of a shorter measurement says little."""


def health(processes: Sequence[tuple[GeneratorObservation, Recorder]], calibration: Calibration | None) -> Health:
    """The generator's health, from what was seen of each of its processes and what each recorded.

    Every process has to be healthy: an average would hide the one that was not.
    """
    whole = processes[0][1] if len(processes) == 1 else Recorder.merged(recorder for _, recorder in processes)
    whole.fold()
    lag = Histogram()
    for observation, _ in processes:
        lag.add(observation.lag)
    busiest = max((observation for observation, _ in processes), key=lambda observation: observation.cpu_share)
    return Health(
        cpu_share=busiest.cpu_share,
        loop_lag_p99_s=lag.quantile_s(0.99) or 0.0,
        loop_lag_max_s=lag.max_s or 0.0,
        send_lag_p99_s=whole.send_lag.quantile_s(0.99) or 0.0,
        waited_for_connection=whole.waited_for_connection,
        sent_per_s=whole.sent_per_s,
        calibration=calibration,
        saturation=_saturation(processes, calibration),
    )


def _saturation(
    processes: Sequence[tuple[GeneratorObservation, Recorder]], calibration: Calibration | None
) -> list[Saturation]:
    """Where any of the processes was saturated; each is numbered from 1 where there are several."""
    return [
        saturation.model_copy(update={"process": number if len(processes) > 1 else None})
        for number, (observation, recorder) in enumerate(processes, 1)
        for saturation in _saturation_of_process(observation, recorder, calibration)
    ]


def _saturation_of_process(
    observation: GeneratorObservation, recorder: Recorder, calibration: Calibration | None
) -> Iterator[Saturation]:
    sent_per_s, response_s = recorder.sent_per_s, recorder.response.quantile_s(0.5)
    rates = {"sent_per_s": sent_per_s, "ceiling_per_s": calibration.ceiling_per_s if calibration is not None else None}
    if observation.elapsed_s >= _MIN_ELAPSED_S and observation.cpu_share > MAX_CPU_SHARE:
        busy = Saturation(code=SaturationCode.CPU, observed=observation.cpu_share, limit=MAX_CPU_SHARE)
        yield busy.model_copy(update=rates)
    if (late := _late(SaturationCode.DISPATCH_LAG, recorder.dispatch_lag, response_s)) is not None:
        yield late.model_copy(update=rates)
    if (late := _late(SaturationCode.LOOP_LAG, observation.lag, response_s)) is not None:
        yield late


def _late(code: SaturationCode, lag: Histogram, response_s: float | None) -> Saturation | None:
    """The saturation that a lag shows, given the median response time; None where the lag is within its limits."""
    p99_s, median_s = lag.quantile_s(0.99) or 0.0, lag.quantile_s(0.5) or 0.0
    if p99_s > MAX_LAG_S:
        return Saturation(code=code, observed=p99_s, limit=MAX_LAG_S, statistic=Statistic.P99)
    if response_s is None or lag.count < _MIN_COUNT_FOR_MEDIAN:
        return None
    limit_s = max(_MIN_LAG_S, _MAX_LAG_SHARE * response_s)
    if median_s <= limit_s:
        return None
    return Saturation(code=code, observed=median_s, limit=limit_s, statistic=Statistic.MEDIAN)
