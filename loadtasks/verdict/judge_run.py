"""Judges a run by itself: validity first, then targets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.verdict import connection_notes, validity
from loadtasks.verdict.targets import throttling, validation
from loadtasks.verdict.targets.suites import Suite


def judge_run(
    planned: Sequence[str],
    measurements: Sequence[Measurement],
    failures: Mapping[str, MeasurementFailure],
    suites: Sequence[Suite],
    data_docs: Path | None = None,
) -> list[ScenarioVerdict]:
    """The verdicts of a run's scenarios by validity and targets, in the order planned.

    `failures`: why scenarios were not measured to their end, by scenario.

    Raises:
        BadInputError: an expectation that Great Expectations doesn't know or can't evaluate.
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
        by_targets = judged.findings.get(scenario, [])
        of_scenario = measured.get(scenario, [])
        findings = [
            *by_targets,
            *throttling.notes(of_scenario, suites, by_targets),
            *connection_notes.notes(of_scenario),
        ]
        verdict = Verdict.FAIL if any(finding.misses_target for finding in findings) else Verdict.PASS
        verdicts.append(ScenarioVerdict(scenario=scenario, verdict=verdict, findings=findings))
    return verdicts
