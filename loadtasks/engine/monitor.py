"""The generator watched while it works: event-loop lag, CPU share, and what else has to be looked at regularly."""

import asyncio
import resource
from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np

from loadtasks.engine.histogram import Histogram
from loadtasks.engine.measurement import Health
from loadtasks.engine.recorder import Recorder

TICK_S = 0.01
MAX_LAG_S = 0.1
"""A tenth of the tightest target that the shipped suites set: beyond it the generator would be measuring itself."""
MAX_CPU_SHARE = 0.9
_LONG_ENOUGH_S = 1.0
"""CPU share of a shorter measurement says little."""
_BATCH = 4096


def _cpu_s() -> float:
    # The thread's, since the process may do other things (an Airflow task's heartbeat) that are not the generator's.
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    return usage.ru_utime + usage.ru_stime


class Monitor:
    """Ticks every 10 ms on the event loop: how late a tick runs is the loop's lag. Call `start`, then `stop` once."""

    def __init__(self) -> None:
        self._watchers: list[Callable[[float], None]] = []
        self._lags: list[float] = []
        self._lag = Histogram()
        self._timer: asyncio.TimerHandle | None = None
        self._expected = 0.0
        self._began = 0.0
        self._began_cpu = 0.0

    @property
    def lag(self) -> Histogram:
        """How late the ticks were so far."""
        self._fold()
        return self._lag

    def watch(self, watcher: Callable[[float], None]) -> None:
        """Have `watcher` called with the time at each tick."""
        self._watchers.append(watcher)

    def start(self) -> None:
        """Begin to tick."""
        self._began, self._began_cpu = perf_counter(), _cpu_s()
        self._again(self._began)

    def reset(self) -> None:
        """Forget what was seen so far: the measurement proper begins."""
        self._lags.clear()
        self._lag = Histogram()
        self._began, self._began_cpu = perf_counter(), _cpu_s()

    def stop(self, recorders: list[Recorder]) -> Health:
        """Stop ticking, and say how fit the generator was to make these measurements."""
        if self._timer is not None:
            self._timer.cancel()
        return self.health(recorders)

    def health(self, recorders: list[Recorder]) -> Health:
        """How fit the generator was so far to make these measurements."""
        elapsed = perf_counter() - self._began
        cpu_share = (_cpu_s() - self._began_cpu) / elapsed if elapsed > 0 else 0.0
        lag = self.lag
        send_lag, dispatch_lag = Histogram(), Histogram()
        for recorder in recorders:
            recorder.fold()
            send_lag.add(recorder.send_lag)
            dispatch_lag.add(recorder.dispatch_lag)
        lag_p99 = lag.quantile_s(0.99) or 0.0
        unfit = _unfit(lag_p99, cpu_share if elapsed >= _LONG_ENOUGH_S else 0.0, dispatch_lag.quantile_s(0.99) or 0.0)
        return Health(
            cpu_share=cpu_share,
            loop_lag_p99_s=lag_p99,
            loop_lag_max_s=lag.max_s or 0.0,
            send_lag_p99_s=send_lag.quantile_s(0.99) or 0.0,
            waited_for_connection=sum(recorder.waited_for_connection for recorder in recorders),
            unfit=list(unfit),
        )

    def _again(self, began: float) -> None:
        """Tick again 10 ms after the last tick began, so that what the tick itself took is lag too."""
        self._expected = began + TICK_S
        self._timer = asyncio.get_running_loop().call_later(max(0.0, self._expected - perf_counter()), self._tick)

    def _tick(self) -> None:
        now = perf_counter()
        self._lags.append(max(0.0, now - self._expected))
        if len(self._lags) >= _BATCH:
            self._fold()
        for watcher in self._watchers:
            watcher(now)
        self._again(now)

    def _fold(self) -> None:
        if self._lags:
            self._lag.record(np.array(self._lags))
            self._lags.clear()


def _unfit(lag_p99_s: float, cpu_share: float, dispatch_lag_p99_s: float) -> Iterator[str]:
    """Why the generator was not fit, a sentence each."""
    limit = f"limit {MAX_LAG_S * 1e3:.0f} ms"
    if lag_p99_s > MAX_LAG_S:
        yield (
            f"the generator's event loop lagged {lag_p99_s * 1e3:.0f} ms (p99, {limit}): the machine was too busy to "
            "measure; give it a quieter one"
        )
    if cpu_share > MAX_CPU_SHARE:
        yield (
            f"the generator used {cpu_share:.0%} of a core (limit {MAX_CPU_SHARE:.0%}): it was saturated and its times "
            "are its own; ask for less load"
        )
    if dispatch_lag_p99_s > MAX_LAG_S:
        yield (
            f"requests got their turn {dispatch_lag_p99_s * 1e3:.0f} ms late (p99, {limit}): the generator could not "
            "keep the rate"
        )
