"""Judges a run by itself: validity first, then targets."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import DataDocsMissing, MetTarget, TargetsMet
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.verdict import connection_notes, stragglers, validity
from loadtasks.verdict.targets import availability, success, throttling, validation
from loadtasks.verdict.targets.suites import Suite


def judge_run(
    planned: Sequence[str],
    measurements: Sequence[Measurement],
    failures: Mapping[str, MeasurementFailure],
    suites: Sequence[Suite],
    data_docs: Path | None = None,
) -> list[ScenarioVerdict]:
    """The verdicts of a run's scenarios by validity and targets, in the order planned.

    `failures`: why scenarios were not measured to their end, by scenario. Data Docs that can't be built are a warning.
    """
    measured = by_scenario(measurements)
    scenarios = list(dict.fromkeys([*planned, *measured, *failures]))
    invalid = {
        scenario: found
        for scenario in scenarios
        if (found := validity.findings(scenario, measured.get(scenario, []), failures))
    }
    judged = validation.judge(measurements, suites, data_docs, untrusted=invalid.keys())
    verdicts = []
    for scenario in scenarios:
        if scenario in invalid:
            verdicts.append(ScenarioVerdict(scenario=scenario, verdict=Verdict.INVALID, findings=invalid[scenario]))
            continue
        by_targets, own = judged.findings.get(scenario, []), measured.get(scenario, [])
        findings = [
            *by_targets,
            *throttling.notes(own, suites, by_targets),
            *availability.notes(own, by_targets),
            *success.notes(own, by_targets),
            *stragglers.notes(own),
            *connection_notes.notes(own),
            *_met(judged.met.get(scenario, [])),
        ]
        verdict = Verdict.FAIL if any(finding.misses_target for finding in findings) else Verdict.PASS
        verdicts.append(ScenarioVerdict(scenario=scenario, verdict=verdict, findings=findings))
    if judged.docs_problem is not None:
        missing = Finding(
            code=FindingCode.DATA_DOCS_MISSING,
            severity=Severity.WARNING,
            parameters=DataDocsMissing(problem=judged.docs_problem),
        )
        first = verdicts[0]  # it is about the run, and said once
        verdicts[0] = first.model_copy(update={"findings": [*first.findings, missing]})
    return verdicts


def _met(targets: Sequence[MetTarget]) -> Iterator[Finding]:
    if targets:
        yield Finding(code=FindingCode.TARGETS_MET, parameters=TargetsMet(targets=tuple(targets)))
