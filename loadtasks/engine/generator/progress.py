"""How far a scenario is and how it goes: reported twice a second while it runs, and when it has ended."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loadtasks.engine.generator.health import health
from loadtasks.engine.generator.monitor import Monitor
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.runners.base import Runner
from loadtasks.measurement.health import Calibration, Saturation
from loadtasks.measurement.histogram import Histogram
from loadtasks.scenarios.load import BroadcastLoad, ClosedLoad, ClosedProfile, ConnectionsLoad, Load, OpenProfile

REPORT_EVERY_S = 0.5
_RATE_OVER = 2
"""The current rate is taken over this many reports, which is a second."""


@dataclass(frozen=True)
class Progress:
    """How far a scenario is, or one process's share of it, and how it goes."""

    done: int
    """How many scheduled requests have ended."""
    expected: int | None
    """None where only time ends the load."""
    elapsed_s: float
    left_s: float | None
    """Until the load ends, by its profile or its pace so far; None where neither is known."""
    rate_per_s: float
    """Requests that ended in the last second."""
    response: Histogram
    """Response times so far."""
    failed: int
    """Failed or dropped so far."""
    throttled: int
    saturation: tuple[Saturation, ...]
    """Where the generator is saturated so far; empty while it is healthy."""

    @property
    def share(self) -> float | None:
        """How much of the load is over, 0 to 1; None where that is not known."""
        whole_s = None if self.left_s is None else self.elapsed_s + self.left_s
        return self.elapsed_s / whole_s if whole_s else None


OnProgress = Callable[[Progress], None]


def merged(shares: Sequence[Progress]) -> Progress:
    """The progress of the whole, from that of all its processes, in their order."""
    response = Histogram()
    for share in shares:
        response.add(share.response)
    return Progress(
        done=sum(share.done for share in shares),
        expected=_sum([share.expected for share in shares]),
        elapsed_s=max(share.elapsed_s for share in shares),
        left_s=_longest([share.left_s for share in shares]),
        rate_per_s=sum(share.rate_per_s for share in shares),
        response=response,
        failed=sum(share.failed for share in shares),
        throttled=sum(share.throttled for share in shares),
        saturation=tuple(
            saturation.model_copy(update={"process": number})
            for number, share in enumerate(shares, 1)
            for saturation in share.saturation
        ),
    )


class ProgressReporter:
    """Called at each tick of the monitor; reports twice a second how far what runs in this process is."""

    def __init__(
        self,
        running: Mapping[Runner, Load],
        monitor: Monitor,
        calibration: Calibration | None,
        began: float,
        on_progress: OnProgress | None,
    ) -> None:
        self._running = running
        self._monitor = monitor
        self._calibration = calibration
        self._began = began
        self._on_progress = on_progress
        self._next = began + REPORT_EVERY_S
        self._reported = deque([(began, 0)], maxlen=_RATE_OVER)

    def __call__(self, now: float) -> None:
        """Report when it is time; `now` is a time of `time.perf_counter`."""
        if now >= self._next:
            self._next = now + REPORT_EVERY_S
            self.report(now)

    def report(self, now: float) -> None:
        """Report in any case."""
        if self._on_progress is not None:
            self._on_progress(self._progress(now))

    def _progress(self, now: float) -> Progress:
        whole = Recorder.merged(runner.recorder for runner in self._running)
        elapsed_s = now - self._began
        before, done_before = self._reported[0]
        self._reported.append((now, whole.done))
        return Progress(
            done=whole.done,
            expected=_sum([runner.expected for runner in self._running]),
            elapsed_s=elapsed_s,
            left_s=_longest([_left_s(runner, load, elapsed_s) for runner, load in self._running.items()]),
            rate_per_s=(whole.done - done_before) / (now - before) if now > before else 0.0,
            response=whole.response,
            failed=whole.failed + whole.dropped,
            throttled=whole.throttled,
            saturation=tuple(health([(self._monitor.observe(), whole)], self._calibration).saturation),
        )


def _left_s(runner: Runner, load: Load, elapsed_s: float) -> float | None:
    expected, done = runner.expected, runner.recorder.done
    if expected is not None and done >= expected:
        return 0.0
    lasts_s = _lasts_s(load)
    if lasts_s is None and isinstance(load, ClosedLoad) and expected is not None and done:
        lasts_s = min(elapsed_s * expected / done, load.max_duration_s)
    return None if lasts_s is None else max(0.0, lasts_s - elapsed_s)


def _lasts_s(load: Load) -> float | None:
    """How long a load lasts; None where responses decide."""
    match load:
        case ClosedProfile() | OpenProfile():
            return load.duration_s
        case BroadcastLoad():
            return _lasts_s(load.publishing)
        case ConnectionsLoad():
            return None


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _longest(times_s: Sequence[float | None]) -> float | None:
    known = [time_s for time_s in times_s if time_s is not None]
    return max(known) if len(known) == len(times_s) else None
