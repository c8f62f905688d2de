"""Whether the generator was fit to make a measurement, judged from what was seen of it while it did.

A generator that is late or saturated measures itself. Its lateness is of two kinds: `loop lag`, from the moment that
something arrives or is due to the moment that the event loop gets to it, which is in every time that it measures; and
`dispatch lag`, the same for the requests of an open profile. Either makes a measurement unfit

    where its 99th percentile is past a tenth of a second, the tightest target that people set, or
    where its median, of 20 or more, is past 1 ms and past a fifth of the median response time.
"""

from collections.abc import Iterator, Sequence

from loadtasks.engine.generator.monitor import Observation
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.model import Calibration, Health

MAX_LAG_S = 0.1
MAX_CPU_SHARE = 0.9
_LEAST_LAG_S = 0.001
_MAX_LAG_SHARE = 0.2
_ENOUGH_FOR_A_MEDIAN = 20
_LONG_ENOUGH_S = 1.0
"""CPU share of a shorter measurement says little."""


def health(observations: Sequence[Observation], whole: Recorder, calibration: Calibration | None) -> Health:
    """How fit the generator was: one observation for each of its processes, and the recorder of all that they did."""
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
        unfit=list(_unfit(lag, busiest, whole, calibration)),
    )


def _unfit(lag: Histogram, busiest: Observation, whole: Recorder, calibration: Calibration | None) -> Iterator[str]:
    """Why the generator was not fit, a sentence each."""
    response_s = whole.response.quantile_s(0.5)
    if busiest.elapsed_s >= _LONG_ENOUGH_S and busiest.cpu_share > MAX_CPU_SHARE:
        yield (
            f"the generator used {busiest.cpu_share:.0%} of a core (limit {MAX_CPU_SHARE:.0%}): it was saturated"
            f"{_at_best(whole.sent_per_s, calibration)}, and its times are its own; ask for less load"
        )
    if late := _late(whole.dispatch_lag, response_s):
        yield (
            f"requests got their turn {late} late: the generator could not keep the rate"
            f"{_at_best(whole.sent_per_s, calibration)}; ask for less load"
        )

    if late := _late(lag, response_s):
        yield (
            f"the generator's event loop lagged {late}: the machine was too busy to measure; give it a quieter one, "
            "or ask for less load"
        )


def _late(lag: Histogram, response_s: float | None) -> str | None:
    """A lag in words, with its limit; None where it is small enough."""
    p99_s, median_s = lag.quantile_s(0.99) or 0.0, lag.quantile_s(0.5) or 0.0
    if p99_s > MAX_LAG_S:
        return f"{p99_s * 1e3:,.0f} ms (p99, limit {MAX_LAG_S * 1e3:.0f} ms)"
    if lag.count < _ENOUGH_FOR_A_MEDIAN:
        return None
    if response_s is not None and median_s > max(_LEAST_LAG_S, _MAX_LAG_SHARE * response_s):
        limit_s = max(_LEAST_LAG_S, _MAX_LAG_SHARE * response_s)
        return f"{median_s * 1e3:.1f} ms (median, limit {limit_s * 1e3:.1f} ms: a fifth of the median response time)"
    return None


def _at_best(sent_per_s: float | None, calibration: Calibration | None) -> str:
    if sent_per_s is None:
        return ""
    best = f" of the {calibration.ceiling_per_s:,.0f}/s that it can send here at best" if calibration else ""
    return f" at {sent_per_s:,.0f} requests/s{best}"
