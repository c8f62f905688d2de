"""A run judged, in this order: validity, targets; then, beside its baselines: regressions, diagnosis."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtasks.engine.measurement import Measurement
from loadtasks.results.document import ResultsDocument
from loadtasks.results.judgement import Finding, FindingKind, ScenarioVerdict, Verdict, overall
from loadtasks.results.records import Baseline
from loadtasks.verdict import targets, throttling, validity
from loadtasks.verdict.diagnosis import diagnose
from loadtasks.verdict.regressions import NOT_COMPARED, Rule, compare
from loadtasks.verdict.suites import Suite


def judge_run(
    planned: Sequence[str],
    measurements: Sequence[Measurement],
    failures: Mapping[str, str],
    suites: Sequence[Suite],
    data_docs: Path | None = None,
) -> list[ScenarioVerdict]:
    """The verdicts of a run's scenarios by validity and targets, in the order planned.

    Raises:
        BadInputError: an expectation that Great Expectations doesn't know or can't evaluate.
    """
    measured = _by_scenario(measurements)
    scenarios = list(dict.fromkeys([*planned, *measured, *failures]))
    doubts = {each: validity.findings(each, measured.get(each, []), failures) for each in scenarios}
    judged = targets.judge(
        measurements, suites, data_docs, untrusted={scenario for scenario, found in doubts.items() if found}
    )
    verdicts = []
    for scenario in scenarios:
        if doubts[scenario]:
            verdicts.append(ScenarioVerdict(scenario=scenario, verdict=Verdict.INVALID, findings=doubts[scenario]))
            continue
        findings = [*judged.findings.get(scenario, []), *throttling.notes(measured.get(scenario, []), suites)]
        missed = any(each.kind is FindingKind.TARGET for each in findings)
        verdict = Verdict.FAIL if missed else Verdict.PASS
        verdicts.append(ScenarioVerdict(scenario=scenario, verdict=verdict, findings=findings))
    return verdicts


def compare_run(
    verdicts: Sequence[ScenarioVerdict],
    measurements: Sequence[Measurement],
    baselines: Mapping[str, tuple[Baseline, Sequence[Measurement]]],
    rule: Rule | None = None,
) -> list[ScenarioVerdict]:
    """The verdicts with what the baselines add: comparisons, regressions, improvements, and a diagnosis of what is bad.

    Comparing anew gives the same again.
    """
    measured = _by_scenario(measurements)
    compared = []
    for verdict in verdicts:
        baseline, before = baselines.get(verdict.scenario, (None, ()))
        run_id = baseline.run_id if baseline is not None else None
        compared.append(compare_scenario(verdict, measured.get(verdict.scenario, []), run_id, before, rule))
    return compared


def compare_documents(
    document: ResultsDocument, baseline: ResultsDocument, rule: Rule | None = None
) -> ResultsDocument:
    """A results document compared with another as a run is with its baselines."""
    others = {each.scenario: each for each in baseline.scenarios if each.verdict is not Verdict.INVALID}
    scenarios = []
    for result in document.scenarios:
        verdict = ScenarioVerdict(scenario=result.scenario, verdict=result.verdict, findings=result.findings)
        other = others.get(result.scenario)
        before = other.measurements if other is not None else []
        compared = compare_scenario(verdict, result.measurements, baseline.run.id if before else None, before, rule)
        changes = {name: getattr(compared, name) for name in ("verdict", "findings", "comparisons", "baseline_run")}
        scenarios.append(result.model_copy(update=changes | {"baseline": list(before)}))
    return document.model_copy(
        update={"scenarios": scenarios, "verdict": overall([each.verdict for each in scenarios])}
    )


def compare_scenario(
    verdict: ScenarioVerdict,
    measurements: Sequence[Measurement],
    baseline_run: str | None,
    baseline: Sequence[Measurement],
    rule: Rule | None = None,
) -> ScenarioVerdict:
    """One scenario's verdict with what its baseline adds; of an invalid one nothing is claimed."""
    kept = [each for each in verdict.findings if not _from_comparing(each)]
    if verdict.verdict is Verdict.INVALID:
        return ScenarioVerdict(scenario=verdict.scenario, verdict=Verdict.INVALID, findings=kept)
    compared = compare(measurements, baseline, rule)
    findings = [*kept, *compared.findings]
    return ScenarioVerdict(
        scenario=verdict.scenario,
        verdict=_verdict({each.kind for each in findings}),
        findings=[*findings, *diagnose(measurements, baseline, findings)],
        comparisons=compared.comparisons,
        baseline_run=baseline_run,
    )


def _from_comparing(finding: Finding) -> bool:
    """Whether comparing made this finding, and will make it anew."""
    if finding.kind is FindingKind.NOTE:
        return finding.sentence.startswith(NOT_COMPARED)
    return finding.kind in (FindingKind.REGRESSION, FindingKind.IMPROVEMENT, FindingKind.DIAGNOSIS)


def _verdict(kinds: set[FindingKind]) -> Verdict:
    for kind, verdict in (
        (FindingKind.TARGET, Verdict.FAIL),
        (FindingKind.REGRESSION, Verdict.REGRESSED),
        (FindingKind.IMPROVEMENT, Verdict.IMPROVED),
    ):
        if kind in kinds:
            return verdict
    return Verdict.PASS


def _by_scenario(measurements: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    found: dict[str, list[Measurement]] = {}
    for each in measurements:
        found.setdefault(each.scenario, []).append(each)
    return found
