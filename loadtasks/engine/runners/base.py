"""What every runner offers to the generator that drives it.

A runner goes through its phases once, in this order; `close` may come at any time, and ends it:

    CREATED ──prepare──► WARM_UP ──prepare returns──► READY ──run──► MEASURE ──all requests have ended──► FINISHED
    any ──close──► CLOSED

Only what happens in MEASURE is counted in the runner's `recorder`, with one exception: the times to connect of WARM_UP
are kept, since a load over warm connections opens none. `close` adds what is known of the target's name.
"""

from enum import Enum
from typing import Protocol

from loadtasks.engine.recording.recorder import Recorder


class RunnerPhase(Enum):
    """Where a runner is in its life: CREATED, WARM_UP, READY, MEASURE, FINISHED, CLOSED, in this order."""

    CREATED = "created"
    """Nothing was opened or sent."""
    WARM_UP = "warm-up"
    """Connections are opened and warm-up requests are sent; they are not measured."""
    READY = "ready"
    """All is prepared; nothing is sent until `run`."""
    MEASURE = "measure"
    """The load is sent, and recorded."""
    FINISHED = "finished"
    """Every scheduled request has ended."""
    CLOSED = "closed"
    """All connections are closed."""


class Runner(Protocol):
    """Drives one load: `prepare`, then `run` once, then `close` in any case."""

    phase: RunnerPhase
    recorder: Recorder
    """The measurement in the making."""

    async def prepare(self) -> None:
        """Open connections and send the warm-up."""

    async def run(self) -> None:
        """Send the load and record it; returns when every scheduled request has ended."""

    def sweep(self, now: float) -> None:
        """End what has exceeded its timeout. Called every 10 ms with the time of `time.perf_counter`."""

    async def close(self) -> None:
        """Close every connection; what was under way is recorded as in flight."""

    @property
    def expected(self) -> int | None:
        """How many requests the load schedules in all; None where only time ends it."""
