"""A run judged by itself: validity first, then targets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.validity import Failure
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.verdict import validity
from loadtasks.verdict.targets import throttling, validation
from loadtasks.verdict.targets.suites import Suite


def judge_run(
    planned: Sequence[str],
    measurements: Sequence[Measurement],
    failures: Mapping[str, Failure],
    suites: Sequence[Suite],
    data_docs: Path | None = None,
) -> list[ScenarioVerdict]:
    """The verdicts of a run's scenarios by validity and targets, in the order planned.

    Raises:
        BadInputError: an expectation that Great Expectations doesn't know or can't evaluate.
    """
    measured = by_scenario(measurements)
    scenarios = list(dict.fromkeys([*planned, *measured, *failures]))
    doubts = {each: validity.findings(each, measured.get(each, []), failures) for each in scenarios}
    judged = validation.judge(
        measurements, suites, data_docs, untrusted={scenario for scenario, found in doubts.items() if found}
    )
    verdicts = []
    for scenario in scenarios:
        if doubts[scenario]:
            verdicts.append(ScenarioVerdict(scenario=scenario, verdict=Verdict.INVALID, findings=doubts[scenario]))
            continue
        findings = [*judged.findings.get(scenario, []), *throttling.notes(measured.get(scenario, []), suites)]
        missed = any(finding.kind is FindingKind.TARGET for finding in findings)
        verdict = Verdict.FAIL if missed else Verdict.PASS
        verdicts.append(ScenarioVerdict(scenario=scenario, verdict=verdict, findings=findings))
    return verdicts
