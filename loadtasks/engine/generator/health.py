"""Whether the load generator was healthy while it measured, judged from what its monitor saw of it.

A generator that is late or saturated measures itself. Its lateness is of two kinds: `loop lag`, from the moment that
something arrives or is due to the moment that the event loop gets to it, which is in every time that it measures; and
`dispatch lag`, the same for the requests of an open profile. Either makes a generator saturated

    where its 99th percentile exceeds a tenth of a second, the tightest target that people set, or
    where its median, of 20 or more, exceeds 1 ms and a fifth of the median response time.
"""

from collections.abc import Sequence

from loadtasks.engine.generator.monitor import GeneratorObservation
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.model import Calibration, Health

MAX_LAG_S = 0.1
MAX_CPU_SHARE = 0.9
_MIN_LAG_S = 0.001
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
        unfit=[],
    )
