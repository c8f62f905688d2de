"""Findings of runs that met each other, or were made under clocks that differ."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import ClockWentBack, RunsOverlapped


def overlap(**fields: Any) -> Finding:
    parameters = {
        "other_run": "20261124T020003Z-3fa9",
        "other_service": "shop",
        "same_service": True,
        "same_generator": True,
        "ended": True,
    }
    return Finding(
        code=FindingCode.RUNS_OVERLAPPED,
        severity=Severity.WARNING,
        parameters=RunsOverlapped.model_validate(parameters | fields),
    )


def clock_went_back(**fields: Any) -> Finding:
    parameters = {
        "started_at": datetime(2026, 11, 25, 2, 0, tzinfo=UTC),
        "other_run": "20301124T020003Z-3fa9",
        "other_started_at": datetime(2030, 11, 24, 2, 0, 3, tzinfo=UTC),
        "runs": 1,
    }
    return Finding(
        code=FindingCode.CLOCK_WENT_BACK,
        severity=Severity.WARNING,
        parameters=ClockWentBack.model_validate(parameters | fields),
    )


EXAMPLES: Mapping[FindingCode, Finding] = {
    FindingCode.RUNS_OVERLAPPED: overlap(),
    FindingCode.CLOCK_WENT_BACK: clock_went_back(),
}
VARIANTS = (
    overlap(same_service=False, ended=False),
    overlap(same_generator=False),
    clock_went_back(runs=3),
)
