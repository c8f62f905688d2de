"""A run judged, in this order: validity, targets; then, beside its baselines: regressions, diagnosis."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtasks.engine.measurement import Measurement, metric
from loadtasks.errors import BadInputError
from loadtasks.results.document import ResultsDocument
from loadtasks.results.fingerprint import Fingerprint
from loadtasks.results.judgement import Comparison, Finding, FindingKind, ScenarioVerdict, Verdict
from loadtasks.results.regression import Regression
from loadtasks.results.series import METRICS
from loadtasks.verdict import targets, throttling, validity
from loadtasks.verdict.diagnosis import diagnose
from loadtasks.verdict.look import Look
from loadtasks.verdict.regressions import NOT_COMPARED, Compared, compare, comparison
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
        findings = [*judged.findings.get(scenario, []), *throttling.notes(measured.get(scenario, []))]
        missed = any(each.kind is FindingKind.TARGET for each in findings)
        verdict = Verdict.FAIL if missed else Verdict.PASS
        verdicts.append(ScenarioVerdict(scenario=scenario, verdict=verdict, findings=findings))
    return verdicts


@dataclass(frozen=True)
class ComparedRun:
    """A run held against its past."""

    verdicts: list[ScenarioVerdict]
    """With comparisons, regressions, improvements, and a diagnosis of what is bad."""
    found: list[Regression]
    """Regressions that nobody knew of."""
    recovered: list[int]
    """Ids of known ones that are gone."""


def compare_run(
    verdicts: Sequence[ScenarioVerdict],
    measurements: Sequence[Measurement],
    looks: Mapping[tuple[str, str], Look],
    known: Sequence[Regression],
    earlier: Callable[[str, str], Sequence[Measurement]],
    remarks: Mapping[str, str] | None = None,
    approved: Mapping[str, str] | None = None,
) -> ComparedRun:
    """Hold a judged run against its past. Comparing anew gives the same again.

    Args:
        verdicts: By validity and targets.
        measurements: Of the whole run.
        looks: Tonight beside its past, see `loadtasks.verdict.look`.
        known: Regressions that had not ended before this run.
        earlier: Gives the measurements of a run (its id) and a scenario, to explain a change by.
        remarks: What else is said of how scenarios were measured.
        approved: The run of each scenario's baseline.
    """
    measured = _by_scenario(measurements)
    run = ComparedRun([], [], [])
    for verdict in verdicts:
        scenario = verdict.scenario
        if verdict.verdict is Verdict.INVALID:
            run.verdicts.append(_together(verdict, [], Compared(), None, []))
            continue
        compared = compare(measured.get(scenario, []), looks, known, datetime.now(UTC))
        if scenario in (remarks or {}):
            compared.findings.append(Finding(kind=FindingKind.HISTORY, sentence=(remarks or {})[scenario]))
        look = looks.get((scenario, ""))
        beside = _beside(look, compared, (approved or {}).get(scenario)) if look is not None else None
        before = earlier(beside, scenario) if beside is not None else []
        run.verdicts.append(_together(verdict, measured.get(scenario, []), compared, beside, before))
        run.found.extend(compared.found)
        run.recovered.extend(compared.recovered)
    return run


def compare_documents(document: ResultsDocument, baseline: ResultsDocument) -> ResultsDocument:
    """A results document with its numbers beside another's. Two runs can't tell change from noise: none is claimed.

    Raises:
        BadInputError: not one scenario of both can be compared.
    """
    others = {each.scenario: each for each in baseline.scenarios if each.verdict is not Verdict.INVALID}
    scenarios = []
    refused = []
    for result in document.scenarios:
        other = others.get(result.scenario)
        kept = [each for each in result.findings if not _from_comparing(each)]
        changes: dict[str, Any] = {"findings": kept, "comparisons": [], "baseline_run": None, "baseline": []}
        if other is not None and other.measurements and result.measurements:
            reason = Fingerprint.of(document.run, result.measurements[0]).unlike(
                Fingerprint.of(baseline.run, other.measurements[0])
            )
            if reason is None:
                changes["comparisons"] = _compared(result.measurements, other.measurements)
                changes |= {"baseline_run": baseline.run.id, "baseline": list(other.measurements)}
            else:
                refused.append(f"{result.scenario}: {reason}")
                note = Finding(kind=FindingKind.HISTORY, sentence=f"{NOT_COMPARED}{reason}")
                changes["findings"] = [*kept, note]
        scenarios.append(result.model_copy(update=changes))
    if refused and not any(each.comparisons for each in scenarios):
        raise BadInputError(f"runs {document.run.id} and {baseline.run.id} can't be compared: {'; '.join(refused)}.")
    return document.model_copy(update={"scenarios": scenarios})


def _compared(measurements: Sequence[Measurement], others: Sequence[Measurement]) -> list[Comparison]:
    before = {each.part: each for each in others}
    return [
        each
        for measurement in measurements
        if measurement.part in before
        for name in METRICS
        if (each := comparison(measurement, name, metric(before[measurement.part], name))) is not None
    ]


def _beside(look: Look, compared: Compared, approved: str | None) -> str | None:
    """The run whose measurements stand beside tonight's: the last one before a change, else the baseline's."""
    earlier = [night.run_id for night in look.series.nights[:-1]]
    if compared.before_run is not None:
        return compared.before_run
    if approved in earlier:
        return approved
    return earlier[-1] if earlier else None


def _together(
    verdict: ScenarioVerdict,
    measurements: Sequence[Measurement],
    compared: Compared,
    baseline_run: str | None,
    baseline: Sequence[Measurement],
) -> ScenarioVerdict:
    """A scenario's verdict with what its past adds; of an invalid one nothing is claimed."""
    kept = [each for each in verdict.findings if not _from_comparing(each)]
    if verdict.verdict is Verdict.INVALID:
        return ScenarioVerdict(scenario=verdict.scenario, verdict=Verdict.INVALID, findings=kept)
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
    return finding.kind in (
        FindingKind.REGRESSION,
        FindingKind.IMPROVEMENT,
        FindingKind.DIAGNOSIS,
        FindingKind.HISTORY,
    )


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
