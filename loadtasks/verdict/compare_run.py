"""A judged run held against its past or beside its reference: what got worse or better, and the likely cause."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.regression import Regression
from loadtasks.verdict.causes.case import GREW, GREW_BESIDE
from loadtasks.verdict.causes.diagnosis import diagnose
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.verdict.history.findings import Compared, compare
from loadtasks.verdict.reference.findings import ReferenceRounds, compare_rounds
from loadtasks.verdict.reference.typical_round import typical

FROM_COMPARING = (FindingKind.REGRESSION, FindingKind.IMPROVEMENT, FindingKind.DIAGNOSIS, FindingKind.HISTORY)
"""The kinds of findings that comparing makes, and will make anew."""


@dataclass(frozen=True)
class KnownHistory:
    """What is known from before a run."""

    looks: Mapping[tuple[str, str], BaselineComparison] = field(default_factory=dict)
    """Its night beside its past, by scenario and part."""
    regressions: Sequence[Regression] = ()
    """Those that had not ended."""
    approved: Mapping[str, str] = field(default_factory=dict)
    """The run of each scenario's baseline."""
    measurements: Callable[[str, str], Sequence[Measurement]] = lambda _run_id, _scenario: ()
    """Those of a run, by its id, and a scenario: what a change is explained by."""
    beside: Mapping[str, ReferenceRounds] = field(default_factory=dict)
    """The reference of each scenario that has one; it is compared with that alone."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What else is said of how scenarios were measured."""


@dataclass
class ComparedRun:
    """A run held against what was known before it."""

    verdicts: list[ScenarioVerdict] = field(default_factory=list)
    """With comparisons, regressions, improvements, and a diagnosis of what is bad."""
    found: list[Regression] = field(default_factory=list)
    """Regressions that nobody knew of."""
    recovered: list[int] = field(default_factory=list)
    """Ids of known ones that are gone."""


def compare_run(
    verdicts: Sequence[ScenarioVerdict], measurements: Sequence[Measurement], known: KnownHistory
) -> ComparedRun:
    """Hold a judged run against what is known. Comparing anew gives the same again."""
    measured = by_scenario(measurements)
    run = ComparedRun()
    for verdict in verdicts:
        ours = measured.get(verdict.scenario, [])
        if verdict.verdict is Verdict.INVALID:  # of which nothing is claimed
            run.verdicts.append(verdict.model_copy(update={"findings": _kept(verdict), "comparisons": []}))
        elif verdict.scenario in known.beside:
            run.verdicts.append(_beside_reference(verdict, ours, known.beside[verdict.scenario]))
        else:
            compared = compare(ours, known.looks, known.regressions, datetime.now(UTC))
            run.found.extend(compared.found)
            run.recovered.extend(compared.recovered)
            run.verdicts.append(_beside_past(verdict, ours, compared, known))
    return run


def _beside_reference(
    verdict: ScenarioVerdict, measurements: Sequence[Measurement], beside: ReferenceRounds
) -> ScenarioVerdict:
    compared = compare_rounds(measurements, beside)
    if not compared.comparisons:
        return _together(verdict, measurements, compared, [], None)
    now, before = typical(measurements, beside.pairing)
    return _together(verdict, now, compared, before, None, growth=GREW_BESIDE)


def _beside_past(
    verdict: ScenarioVerdict, measurements: Sequence[Measurement], compared: Compared, known: KnownHistory
) -> ScenarioVerdict:
    scenario = verdict.scenario
    if scenario in known.remarks:
        compared.findings.append(Finding(kind=FindingKind.HISTORY, sentence=known.remarks[scenario]))
    look = known.looks.get((scenario, ""))
    run_id = _explaining(look, compared, known.approved.get(scenario)) if look is not None else None
    before = known.measurements(run_id, scenario) if run_id is not None else ()
    return _together(verdict, measurements, compared, before, run_id)


def _explaining(look: BaselineComparison, compared: Compared, approved: str | None) -> str | None:
    """The run whose measurements stand beside tonight's: the last one before a change, else the baseline's."""
    earlier = [night.run_id for night in look.series.points[:-1]]
    if compared.before_run is not None:
        return compared.before_run
    if approved in earlier:
        return approved
    return earlier[-1] if earlier else None


def _together(
    verdict: ScenarioVerdict,
    measurements: Sequence[Measurement],
    compared: Compared,
    baseline: Sequence[Measurement],
    baseline_run: str | None,
    growth: float = GREW,
) -> ScenarioVerdict:
    """A verdict with what was compared, and why it is bad where it is."""
    findings = [*_kept(verdict), *compared.findings]
    return ScenarioVerdict(
        scenario=verdict.scenario,
        verdict=verdict_of(verdict.verdict, findings),
        findings=[*findings, *diagnose(measurements, baseline, findings, growth)],
        comparisons=compared.comparisons,
        baseline_run=baseline_run,
    )


def _kept(verdict: ScenarioVerdict) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.kind not in FROM_COMPARING]


def verdict_of(given: Verdict, findings: Sequence[Finding]) -> Verdict:
    """What findings come to; invalid stays invalid."""
    if given is Verdict.INVALID:
        return given
    kinds = {finding.kind for finding in findings}
    for kind, verdict in (
        (FindingKind.TARGET, Verdict.FAIL),
        (FindingKind.REGRESSION, Verdict.REGRESSED),
        (FindingKind.IMPROVEMENT, Verdict.IMPROVED),
    ):
        if kind in kinds:
            return verdict
    return Verdict.PASS
