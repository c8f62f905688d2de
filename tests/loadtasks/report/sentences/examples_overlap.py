"""Findings of runs that were made at the same time."""

from collections.abc import Mapping
from typing import Any

from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import RunsOverlapped


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


EXAMPLES: Mapping[FindingCode, Finding] = {FindingCode.RUNS_OVERLAPPED: overlap()}
VARIANTS = (
    overlap(same_service=False, ended=False),
    overlap(same_generator=False),
)
