"""Diagnosis: the likely causes of a missed target or a regression, named from what was measured.

Each rule says what it can support; docs/verdict.md has them in a table. One that isn't sure says so.
"""

from collections.abc import Sequence
from dataclasses import replace

from loadtasks.measurement.model import Measurement
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.verdict.causes import deliveries, slowness, success, target, throttled, websockets
from loadtasks.verdict.causes.case import GREW, Case, Cause, Rule
from loadtasks.verdict.targets import throttling

FAILURES: tuple[Rule, ...] = (throttled.throttled, success.failing, websockets.failing)
RULES: tuple[Rule, ...] = (target.dependencies, *FAILURES, slowness.slow, deliveries.slow, target.connecting)
"""In the order in which people should look."""
_UNKNOWN = Cause(
    "the cause can't be told from what was measured",
    "look at the target's own logs and metrics of that time",
    sure=False,
)
_NOTHING = TargetMetrics()


def diagnose(
    measurements: Sequence[Measurement],
    baseline: Sequence[Measurement],
    findings: Sequence[Finding],
    growth: float = GREW,
) -> list[Finding]:
    """The likely causes of what the findings say is wrong, for the whole and for each part that is concerned.

    `growth`: so many times the baseline's mean can be explained.
    """
    others = {each.part: each for each in baseline}
    now, before, wanted = _told(measurements), _told(baseline), throttling.is_wanted(findings)
    cases = []
    for measurement in measurements:
        other = others.get(measurement.part)
        comparable = other is not None and other.scenario_hash == measurement.scenario_hash
        wrong = frozenset(
            finding.metric
            for finding in findings
            if finding.part == measurement.part and finding.kind in (FindingKind.TARGET, FindingKind.REGRESSION)
        )
        compared = other if comparable else None
        cases.append(
            Case(
                measurement,
                compared,
                wrong,
                now or _NOTHING,
                before or _NOTHING,
                throttling_wanted=wanted,
                growth=growth,
            )
        )
    parts = tuple(case for case in cases if case.measurement.part)
    causes = [
        _finding(case, cause)
        for case in cases
        if case.metrics
        for cause in _causes(case if case.measurement.part else replace(case, parts=parts))
    ]
    notes = (Finding(kind=FindingKind.HISTORY, sentence=note) for note in target.notes(now, before))
    return [*causes, *notes]


def _causes(case: Case) -> list[Cause]:
    """What the rules say; of a mixed scenario how each kind failed, unless that is told of the kind itself."""
    if not case.parts:
        return [cause for rule in RULES for cause in rule(case)] or [_UNKNOWN]
    quiet = [each for each in case.parts if not each.metrics]
    told = [
        *target.dependencies(case),
        *(
            replace(cause, sentence=f"{part.measurement.part}: {cause.sentence}")
            for part in quiet
            for rule in FAILURES
            for cause in rule(part)
        ),
        *slowness.slow(case),
    ]
    return told or ([_UNKNOWN] if len(quiet) == len(case.parts) else [])


def _finding(case: Case, cause: Cause) -> Finding:
    return Finding(
        kind=FindingKind.DIAGNOSIS,
        part=case.measurement.part,
        sentence=cause.sentence,
        next_step=cause.next_step,
        sure=cause.sure,
    )


def _told(measurements: Sequence[Measurement]) -> TargetMetrics | None:
    """The target's own metrics of a scenario, which stand with the whole."""
    return next((measurement.target_metrics for measurement in measurements if not measurement.part), None)
