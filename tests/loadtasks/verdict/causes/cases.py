"""Causes that the diagnosis finds in made-up measurements."""

from collections.abc import Mapping
from typing import Any, TypeVar

from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.model import Measurement, Phase
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.parameters import Parameters
from loadtasks.verdict.causes.diagnosis import diagnose
from tests.measurements import measurement

P = TypeVar("P", bound=Parameters)


def findings(
    now: Measurement | list[Measurement],
    before: Measurement | list[Measurement] | None = None,
    wrong: tuple[str, ...] = ("p50_s", "p95_s"),
) -> list[Finding]:
    """The causes and notes where these metrics of the whole, or of the only measurement, are wrong."""
    measurements = now if isinstance(now, list) else [now]
    baseline = before if isinstance(before, list) else [before] if before is not None else []
    code = FindingCode.REGRESSION if baseline else FindingCode.TARGET_MISSED
    bad = [Finding(code=code, part=measurements[0].part, metric=name, parameters=Parameters()) for name in wrong]
    return diagnose(measurements, baseline, bad)


def causes(*arguments: Any, **options: Any) -> list[Finding]:
    """The causes alone."""
    return [finding for finding in findings(*arguments, **options) if finding.kind is FindingKind.DIAGNOSIS]


def codes(found: list[Finding]) -> list[FindingCode]:
    return [finding.code for finding in found]


def parameters(finding: Finding, of_type: type[P]) -> P:
    """The parameters of a finding, which have to be of this type."""
    assert type(finding.parameters) is of_type
    return finding.parameters


def likely(finding: Finding) -> bool:
    assert finding.likelihood is not None
    return finding.likelihood is Likelihood.LIKELY


def completed(mean_s: float, number: int = 100, **changes: Any) -> Measurement:
    """Completed requests that all take the same time, one after the other, nine tenths of it before the first byte."""
    return measurement(times_s=[mean_s] * number, **{"elapsed_s": mean_s * number} | changes)


def failed(
    errors: Mapping[ErrorCode, int], statuses: Mapping[str, int], completed: int = 50, **changes: Any
) -> Measurement:
    """Requests of which some failed: error codes with numbers; the sample of each is `GET /stats: CODE`."""
    return measurement(
        times_s=[0.1] * completed,
        failed=sum(errors.values()),
        statuses=dict(statuses),
        errors=[
            ErrorCount(code=code, count=number, sample=f"GET /stats: {code.value}") for code, number in errors.items()
        ],
        **changes,
    )


def phase(mean_s: float, number: int = 100, **changes: Any) -> Phase:
    return Phase(count=number, total_s=mean_s * number, max_s=mean_s, **changes)
