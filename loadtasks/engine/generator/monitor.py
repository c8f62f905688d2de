"""The generator monitored while it works: event-loop lag, CPU share, and what else has to be done regularly."""

import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Self

import numpy as np

from loadtasks.engine.runners.precise_timer import PreciseTimer, precise_timer
from loadtasks.measurement.histogram import Histogram

TICK_S = 0.01
_BATCH = 4096


@dataclass(frozen=True)
class GeneratorObservation:
    """What a monitor saw of one process of the generator."""

    elapsed_s: float
    cpu_s: float
    """CPU time of the thread that drives the load."""
    lag: Histogram
    """How late the event loop ran the monitor's ticks, one every 10 ms."""

    @property
    def cpu_share(self) -> float:
        """CPU time over wall time; 1.0 is one whole core."""
        return self.cpu_s / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @classmethod
    def joined(cls, observations: Iterable[Self]) -> Self:
        """The observation of one process over all these stretches of time."""
        elapsed_s, cpu_s, lag = 0.0, 0.0, Histogram()
        for observation in observations:
            elapsed_s, cpu_s = elapsed_s + observation.elapsed_s, cpu_s + observation.cpu_s
            lag.add(observation.lag)
        return cls(elapsed_s, cpu_s, lag)


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
        self._timer: PreciseTimer | None = None
        self._expected = 0.0
        self._began = 0.0
        self._began_cpu = 0.0

    def watch(self, watcher: Callable[[float], None]) -> None:
        """Have `watcher` called with the time at each tick."""
        self._watchers.append(watcher)

    def start(self) -> None:
        """Begin to tick."""
        self._timer = precise_timer(self._tick)
        self.reset()
        self._again(self._began)

    def reset(self) -> None:
        """Forget what was seen so far: the load begins."""
        self._lags.clear()
        self._lag = Histogram()
        self._began, self._began_cpu = perf_counter(), _cpu_s()

    def stop(self) -> GeneratorObservation:
        """Stop ticking. Returns what was seen since the last `reset`."""
        if self._timer is not None:
            self._timer.close()
        return self.observe()

    def observe(self) -> GeneratorObservation:
        """What was seen since the last `reset`, so far."""
        self._fold()
        return GeneratorObservation(perf_counter() - self._began, _cpu_s() - self._began_cpu, self._lag)

    def _again(self, began: float) -> None:
        """Tick again 10 ms after the last tick began, so that what the tick itself took is lag too."""
        self._expected = began + TICK_S
        if self._timer is not None:
            self._timer.set(self._expected)

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
