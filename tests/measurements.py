"""Measurements and runs for tests: name what matters to the test, the rest is plausible."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.health import Health
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.model import Counts, Exemplar, Measurement, Phase, Protocol
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.run import Run

SERVICE = "127.0.0.1:8000"
"""The service of the runs that `run` makes."""
STARTED_AT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def histogram(times_s: Sequence[float]) -> Histogram:
    made = Histogram()
    made.record(np.array(times_s, dtype=np.float64))
    return made


def health(**changes: Any) -> Health:
    plausible = {
        "cpu_share": 0.2,
        "loop_lag_p99_s": 0.002,
        "loop_lag_max_s": 0.01,
        "send_lag_p99_s": 0.0,
        "waited_for_connection": 0,
    }
    return Health.model_validate(plausible | changes)


def exemplar(response_s: float = 0.1, **changes: Any) -> Exemplar:
    plausible = {
        "request": "GET /stats",
        "due_s": 1.25,
        "response_s": response_s,
        "service_s": response_s,
        "status": 200,
        "request_id": "b7c1f2d0a94e4d1c",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    return Exemplar.model_validate(plausible | changes)


def measurement(
    scenario: str = "dashboard.concurrent",
    *,
    part: str = "",
    times_s: Sequence[float] = (0.05,) * 95 + (0.1,) * 5,
    throttled: int = 0,
    failed: int = 0,
    dropped: int = 0,
    in_flight: int = 0,
    scheduled: int | None = None,
    error: str = "status",
    connect_mean_s: float | None = 0.001,
    server: dict[str, float] | None = None,
    outcomes: dict[str, dict[str, int]] | None = None,
    **changes: Any,
) -> Measurement:
    """`times_s`: the completed requests, whose phases add up to them; `server`: mean seconds by Server-Timing name,
    whose `outcomes` are how they went."""
    completed, total = len(times_s), float(sum(times_s))
    ended = completed + throttled + failed + dropped + in_flight
    phases = {}
    if completed:
        longest = float(max(times_s))
        phases["first_byte"] = Phase(count=completed, total_s=total * 0.9, max_s=longest)
        phases["body"] = Phase(count=completed, total_s=total * 0.1, max_s=longest)
        for name, mean_s in (server or {}).items():
            went = (outcomes or {}).get(name, {})
            phases[f"server:{name}"] = Phase(count=completed, total_s=mean_s * completed, max_s=mean_s, outcomes=went)
    if connect_mean_s is not None:
        phases["connect"] = Phase(count=10, total_s=10 * connect_mean_s, max_s=connect_mean_s)
    failures = [ErrorCount(code=error, count=failed, sample=f"GET /stats: {error}")] if failed else []
    plausible = {
        "scenario": scenario,
        "part": part,
        "endpoint": part or scenario.partition(".")[0],
        "protocol": Protocol.HTTP,
        "scenario_hash": "5eed",
        "load": {"model": "closed", "workers": 10, "requests": 100},
        "started_at": STARTED_AT,
        "elapsed_s": 2.0,
        "counts": Counts(
            scheduled=ended if scheduled is None else scheduled,
            completed=completed,
            throttled=throttled,
            failed=failed,
            dropped=dropped,
            in_flight=in_flight,
        ),
        "response": histogram(times_s),
        "service": histogram(times_s),
        "send_lag": histogram([1e-6] * completed),
        "statuses": {"200": completed} if completed else {},
        "errors": failures,
        "phases": phases,
        "exemplars": [],
        "health": health(),
    }
    return Measurement.model_validate(plausible | changes)


def failure(detail: str = "") -> MeasurementFailure:
    return MeasurementFailure(code=FindingCode.MEASUREMENT_FAILED, detail=detail)


def run(run_id: str = "20261124T020000Z-aaaa", **changes: Any) -> Run:
    plausible = {
        "id": run_id,
        "started_at": STARTED_AT,
        "trigger": "manual",
        "target_url": "http://127.0.0.1:8000",
        "target_version": "1.2.0",
        "scenarios": ["dashboard.concurrent", "mixed.concurrent"],
        "generator": "a-host",
    }
    return Run.model_validate(plausible | changes)
