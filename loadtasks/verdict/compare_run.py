"""Compares a judged run with its baseline or its reference: regressions, improvements and their causes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain

from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import Confirmation, ConfirmationRepetition
from loadtasks.results.findings.validity import InvalidRepeated
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.regression import Regression
from loadtasks.results.repetitions import Repetition
from loadtasks.verdict import validity
from loadtasks.verdict.causes.case import MIN_GROWTH, MIN_GROWTH_TO_REFERENCE
from loadtasks.verdict.causes.diagnosis import diagnose
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.verdict.history.findings import ComparedScenario, compare_scenario
from loadtasks.verdict.history.lifecycle import KnownChanges
from loadtasks.verdict.reference.findings import ComparedRounds, ReferenceRounds, compare_rounds
from loadtasks.verdict.reference.typical_round import typical_round

FROM_COMPARING = (FindingKind.REGRESSION, FindingKind.IMPROVEMENT, FindingKind.DIAGNOSIS, FindingKind.HISTORY)
"""The kinds of findings that a comparison makes; comparing again replaces them."""


@dataclass(frozen=True)
class KnownHistory:
    """What is known from before a run."""

    comparisons: Mapping[tuple[str, str], BaselineComparison] = field(default_factory=dict)
    """The run against its baseline, by scenario and part."""
    changes: KnownChanges = field(default_factory=KnownChanges)
    """What earlier runs have found."""
    approved: Mapping[str, str] = field(default_factory=dict)
    """The id of the baseline run of each scenario."""
    measurements: Callable[[str, str], Sequence[Measurement]] = lambda _run_id, _scenario: ()
    """Gives the measurements of an earlier run, by its id, and a scenario; they explain a change."""
    references: Mapping[str, ReferenceRounds] = field(default_factory=dict)
    """The reference of each scenario that has one; such a scenario is compared with nothing else."""
    confirmations: Mapping[str, Sequence[Repetition]] = field(default_factory=dict)
    """The repetitions of each scenario that was repeated to confirm a suspicion."""
    invalid: Mapping[str, Sequence[Repetition]] = field(default_factory=dict)
    """The repetitions of each scenario that was repeated because it was invalid."""


@dataclass
class ComparedRun:
    """A run after its comparison."""

    verdicts: list[ScenarioVerdict] = field(default_factory=list)
    """With comparisons, regressions, improvements, and the causes of what is bad."""
    found: list[Regression] = field(default_factory=list)
    """New regressions."""
    recovered: list[int] = field(default_factory=list)
    """Ids of known regressions that are back to normal."""
    accepted: list[int] = field(default_factory=list)
    """Ids of known regressions that nobody has answered, and whose level is the baseline from now on."""
    creeps: list[CreepRecord] = field(default_factory=list)
    """Creeps that no earlier run has reported."""


def compare_run(
    verdicts: Sequence[ScenarioVerdict], measurements: Sequence[Measurement], known: KnownHistory
) -> ComparedRun:
    """Compare a judged run. Comparing it again gives the same result."""
    measured = by_scenario(measurements)
    run = ComparedRun()
    for verdict in verdicts:
        own = measured.get(verdict.scenario, [])
        if verdict.verdict is Verdict.INVALID:  # its numbers say nothing about the API
            findings = [*_kept(verdict), *_invalid_repeated(verdict.scenario, known)]
            run.verdicts.append(verdict.model_copy(update={"findings": findings, "comparisons": []}))
        elif verdict.scenario in known.references:
            run.verdicts.append(_with_reference(verdict, own, known.references[verdict.scenario]))
        else:
            compared = compare_scenario(own, known.comparisons, known.changes, datetime.now(UTC))
            run.found.extend(compared.found)
            run.recovered.extend(compared.recovered)
            run.accepted.extend(compared.accepted)
            run.creeps.extend(compared.creeps)
            run.verdicts.append(_with_baseline(verdict, own, compared, known))
    return run


def _with_reference(
    verdict: ScenarioVerdict, measurements: Sequence[Measurement], reference: ReferenceRounds
) -> ScenarioVerdict:
    compared = compare_rounds(measurements, reference)
    if not compared.comparisons:
        return _conclude(verdict, measurements, compared, [])
    now, before = typical_round(measurements, reference.pairing)
    return _conclude(verdict, now, compared, before, min_growth=MIN_GROWTH_TO_REFERENCE)


def _with_baseline(
    verdict: ScenarioVerdict, measurements: Sequence[Measurement], compared: ComparedScenario, known: KnownHistory
) -> ScenarioVerdict:
    scenario = verdict.scenario
    compared.findings.extend(_invalid_repeated(scenario, known))
    if scenario in known.confirmations:
        compared.findings.append(_confirmation(known.confirmations[scenario], compared))
    comparison = known.comparisons.get((scenario, ""))
    run_id = _explaining_run(comparison, compared, known.approved.get(scenario)) if comparison is not None else None
    before = known.measurements(run_id, scenario) if run_id is not None else ()
    return _conclude(verdict, measurements, compared, before).model_copy(update={"baseline_run": run_id})


def _confirmation(repetitions: Sequence[Repetition], compared: ComparedScenario) -> Finding:
    parameters = Confirmation(
        repetitions=tuple(
            ConfirmationRepetition(
                p50_s=repetition.measurements[0].p50_s,
                p95_s=repetition.measurements[0].p95_s,
                success_rate=repetition.measurements[0].success_rate,
                trusted=repetition.trusted,
            )
            for repetition in repetitions
        ),
        reported=next(repetition.number for repetition in repetitions if repetition.reported),
        confirmed=any(finding.kind is FindingKind.REGRESSION for finding in compared.findings),
    )
    return Finding(code=FindingCode.CONFIRMATION, parameters=parameters)


def _invalid_repeated(scenario: str, known: KnownHistory) -> Iterator[Finding]:
    """That a scenario was repeated because it was invalid, if it was."""
    repetitions = known.invalid.get(scenario, ())
    reasons = {
        repetition.number: [found.code for found in validity.findings(scenario, repetition.measurements, {})]
        for repetition in repetitions
    }
    if repetitions:
        parameters = InvalidRepeated(
            repetitions=len(repetitions),
            invalid=tuple(number for number, codes in reasons.items() if codes),
            reported=next(repetition.number for repetition in repetitions if repetition.reported),
            reasons=tuple(code for code, _ in Counter(chain.from_iterable(reasons.values())).most_common()),
        )
        yield Finding(code=FindingCode.INVALID_REPEATED, parameters=parameters)


def _explaining_run(comparison: BaselineComparison, compared: ComparedScenario, approved: str | None) -> str | None:
    """The run whose measurements are shown next to this run's: the last one before a change, else the baseline run."""
    earlier = [point.run_id for point in comparison.series.points[:-1]]
    if compared.before_run is not None:
        return compared.before_run
    if comparison.baseline_begin is not None:
        return comparison.baseline_begin
    if approved in earlier:
        return approved
    return earlier[-1] if earlier else None


def _conclude(
    verdict: ScenarioVerdict,
    measurements: Sequence[Measurement],
    compared: ComparedScenario | ComparedRounds,
    baseline: Sequence[Measurement],
    min_growth: float = MIN_GROWTH,
) -> ScenarioVerdict:
    """A verdict with what was compared, and the causes of what is bad."""
    findings = [*_kept(verdict), *compared.findings]
    return ScenarioVerdict(
        scenario=verdict.scenario,
        verdict=verdict_of(verdict.verdict, findings),
        findings=[*findings, *diagnose(measurements, baseline, findings, min_growth)],
        comparisons=compared.comparisons,
    )


def _kept(verdict: ScenarioVerdict) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.kind not in FROM_COMPARING]


def verdict_of(given: Verdict, findings: Sequence[Finding]) -> Verdict:
    """The verdict that findings lead to; invalid stays invalid."""
    if given is Verdict.INVALID:
        return given
    kinds = {finding.kind for finding in findings if finding.kind is not FindingKind.TARGET or finding.misses_target}
    for kind, verdict in (
        (FindingKind.TARGET, Verdict.FAIL),
        (FindingKind.REGRESSION, Verdict.REGRESSED),
        (FindingKind.IMPROVEMENT, Verdict.IMPROVED),
    ):
        if kind in kinds:
            return verdict
    return Verdict.PASS
