"""Causes as the diagnosis tells them of constructed measurements."""

from collections.abc import Mapping
from typing import Any

from loadtasks.measurement.errors import ErrorCount
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.model import Measurement, Phase
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes.diagnosis import diagnose
from tests.measurements import measurement


def findings(
    now: Measurement | list[Measurement],
    before: Measurement | list[Measurement] | None = None,
    wrong: tuple[str, ...] = ("p50_s", "p95_s"),
) -> list[Finding]:
    """What is told where these metrics of the whole, or of the only measurement, are wrong."""
    tonight = now if isinstance(now, list) else [now]
    baseline = before if isinstance(before, list) else [before] if before is not None else []
    kind = FindingKind.REGRESSION if baseline else FindingKind.TARGET
    bad = [Finding(kind=kind, part=tonight[0].part, metric=name, sentence="") for name in wrong]
    found = diagnose(tonight, baseline, bad)
    for each in found:
        if each.kind is FindingKind.DIAGNOSIS:
            assert each.next_step
            assert not each.sentence.endswith(".")
            assert not each.next_step.endswith(".")
    return found


def causes(*arguments: Any, **options: Any) -> list[Finding]:
    """The same without notes."""
    return [finding for finding in findings(*arguments, **options) if finding.kind is FindingKind.DIAGNOSIS]


def answered(mean_s: float, number: int = 100, **changes: Any) -> Measurement:
    """Requests that all take the same, nine tenths of it before the first byte."""
    return measurement(times_s=[mean_s] * number, **changes)


def failed(errors: Mapping[str, int], statuses: Mapping[str, int], completed: int = 50, **changes: Any) -> Measurement:
    """Requests of which some failed: kinds with numbers, `status` with the example `answered STATUS`."""
    worst = max((status for status in statuses if int(status) >= 300), default="")
    return measurement(
        times_s=[0.1] * completed,
        failed=sum(errors.values()),
        statuses=dict(statuses),
        errors=[
            ErrorCount(
                code=code,
                count=number,
                sample=f"GET /stats: answered {worst}, expected 2xx" if code == "status" else f"GET /stats: {code}",
            )
            for code, number in errors.items()
        ],
        **changes,
    )


def phase(mean_s: float, number: int = 100, **changes: Any) -> Phase:
    return Phase(count=number, total_s=mean_s * number, max_s=mean_s, **changes)


def empty() -> Histogram:
    return Histogram()
