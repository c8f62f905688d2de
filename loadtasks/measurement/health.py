"""The load generator's own health: what it could do, what it did, and where it was saturated."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Calibration(BaseModel):
    """What the generator can do on its machine, measured against a server that does nothing."""

    model_config = ConfigDict(frozen=True)

    ceiling_per_s: float
    """Requests a second in a closed loop."""
    jitter_p99_s: float
    """Send lag of an open load far below the ceiling, 99th percentile."""
    round_trip_s: float | None = None
    """Mean time of a request in a closed loop of one worker, on one CPU after the other; None where an earlier version
    measured it."""
    connect_s: float | None = None
    """Mean time to connect to that server; None where an earlier version measured it, or no connection came about."""


class SaturationCode(StrEnum):
    """What was saturated."""

    CPU = "cpu"
    """The generator's process used nearly all of a core."""
    DISPATCH_LAG = "dispatch_lag"
    """Due requests of an open profile were handled too late."""
    LOOP_LAG = "loop_lag"
    """The event loop ran its timers too late."""


class Statistic(StrEnum):
    """Which statistic of a lag is over its limit."""

    P99 = "p99"
    MEDIAN = "median"


class Saturation(BaseModel):
    """One reason why the times of a measurement are the generator's rather than the target's."""

    model_config = ConfigDict(frozen=True)

    code: SaturationCode
    observed: float
    """A share of one core (`cpu`), or a lag in seconds."""
    limit: float
    """In the same unit."""
    statistic: Statistic | None = None
    """Of a lag: what `observed` is; None of `cpu`."""
    sent_per_s: float | None = None
    """Requests that left a second; None where fewer than two did, or where the rate says nothing."""
    ceiling_per_s: float | None = None
    """Requests a second that the generator can send at best; None where it was not calibrated."""
    process: int | None = None
    """The process, from 1, of a generator of several; None of a generator of one."""


class Health(BaseModel):
    """Whether the load generator was healthy, so that the measurement can be trusted."""

    model_config = ConfigDict(frozen=True)

    cpu_share: float
    """CPU time of the generator's process over wall time; 1.0 is one whole core."""
    loop_lag_p99_s: float
    """How late the event loop ran its timer, 99th percentile."""
    loop_lag_max_s: float
    send_lag_p99_s: float
    """How late requests left, 99th percentile (open profiles; 0 in closed ones)."""
    waited_for_connection: int
    """Requests that found every connection busy, which is the target's slowness and not the generator's."""
    sent_per_s: float | None = None
    """Requests that left a second, between the first and the last; None for fewer than two."""
    calibration: Calibration | None = None
    """None where the generator was not calibrated."""
    saturation: list[Saturation] = []
    """Where the generator was saturated; empty where it was healthy."""
