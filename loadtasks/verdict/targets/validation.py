"""Judges a run's measurements by the suites and by the built-in targets, and has the Data Docs built."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import MetTarget, NoTarget, TargetMissed, TargetNotEvaluated
from loadtasks.verdict.targets import built_in, percentiles, success
from loadtasks.verdict.targets.applied import AppliedTargets
from loadtasks.verdict.targets.evaluation import Outcome, SuiteRows, evaluate
from loadtasks.verdict.targets.rows import TargetRow, rows_of
from loadtasks.verdict.targets.suites import EVERY_MEASUREMENT, Expectation, Suite, read_suites

__all__ = ["EVERY_MEASUREMENT", "Expectation", "Judged", "Suite", "judge", "read_suites"]

_Key = tuple[str, str]
"""Scenario and part of a measurement."""


@dataclass
class Judged:
    """The findings of all suites and of the built-in targets."""

    findings: dict[str, list[Finding]] = field(default_factory=dict)
    """By scenario: missed targets, measurements without one, and percentiles from too few requests."""
    docs_problem: str | None = None
    """Why the Data Docs could not be built; None where they were, and where none were wanted."""
    met: dict[str, list[MetTarget]] = field(default_factory=dict)
    """By scenario: the targets that it meets, those of the suites and the built-in ones."""

    def add(self, scenario: str, findings: Iterable[Finding]) -> None:
        """Add findings, each once."""
        for finding in findings:
            known = self.findings.setdefault(scenario, [])
            if finding not in known:
                known.append(finding)


def judge(
    measurements: Sequence[Measurement],
    suites: Sequence[Suite],
    data_docs: Path | None = None,
    *,
    untrusted: Collection[str] = (),
) -> Judged:
    """Judge measurements by the suites; build Data Docs in the folder `data_docs`, whose content is replaced.

    Scenarios in `untrusted` are judged by the suite for every measurement alone. An expectation that can't be
    evaluated is a finding, of its own severity.
    """
    judged = Judged()
    rows = rows_of(measurements)
    work = [SuiteRows(suite, own) for suite in suites if (own := _rows_of(suite, rows, untrusted))]
    outcomes: list[Outcome] = []
    if work:
        began = min(measurement.started_at for measurement in measurements)
        evaluation = evaluate(work, f"measured-{began:%Y%m%dT%H%M%SZ}", data_docs)
        judged.docs_problem = evaluation.docs_problem
        outcomes = [outcome for _, of_suite in evaluation.outcomes for outcome in of_suite]
    for outcome in outcomes:
        for row in outcome.applies_to:
            if outcome.problem is not None or row in outcome.missed:
                judged.add(row.scenario, [_finding(outcome, row)])
            elif row.scenario not in untrusted:
                judged.met.setdefault(row.scenario, []).append(_met(outcome.expectation, row))
    endpoints = {suite.name for suite in suites}
    for scenario, several in by_scenario(measurements).items():
        if scenario not in untrusted:
            judged.add(scenario, _beyond_suites(several, outcomes, endpoints))
            judged.met.setdefault(scenario, []).extend(
                outcome
                for applied in _held(several, outcomes)
                for outcome in built_in.judge(applied)
                if isinstance(outcome, MetTarget)
            )
    return judged


def _rows_of(suite: Suite, rows: Sequence[TargetRow], untrusted: Collection[str]) -> tuple[TargetRow, ...]:
    if suite.name == EVERY_MEASUREMENT:
        return tuple(rows)
    return tuple(row for row in rows if row.endpoint == suite.name and row.scenario not in untrusted)


def _beyond_suites(
    measurements: Sequence[Measurement], outcomes: Sequence[Outcome], endpoints: Collection[str]
) -> list[Finding]:
    """What is found about one scenario besides the targets that it misses."""
    nothing = list(success.nothing_succeeded(measurements))
    failed = {finding.part for finding in nothing}
    found: list[Finding] = []
    for applied in _held(measurements, outcomes):
        measurement = applied.measurement
        if failed.isdisjoint({"", measurement.part}):  # that nothing succeeded says it all
            found += [outcome for outcome in built_in.judge(applied) if isinstance(outcome, Finding)]
        if not applied.judge_the_api:
            exists = measurement.endpoint in endpoints
            parameters = NoTarget(endpoint=measurement.endpoint, suite_exists=exists)
            found.append(Finding(code=FindingCode.NO_TARGET, part=measurement.part, parameters=parameters))
    targeted = {
        (row.part, column)
        for outcome in outcomes
        for row in outcome.applies_to
        if row.scenario == measurements[0].scenario
        for column in outcome.expectation.columns
    }
    return [*nothing, *found, *percentiles.insufficient_samples(measurements, targeted)]


def _held(measurements: Sequence[Measurement], outcomes: Sequence[Outcome]) -> list[AppliedTargets]:
    """The measurements of a scenario that have to have a target: its parts where it has some, else the whole.

    The targets of a mixed scenario as a whole hold its parts too, whose requests are the whole's; a part's own limits
    on success go before them.
    """
    targets: dict[_Key, list[Expectation]] = {}
    for outcome in outcomes:
        if outcome.expectation.severity is Severity.CRITICAL:
            for row in outcome.applies_to:
                targets.setdefault((row.scenario, row.part), []).append(outcome.expectation)
    held = []
    for measurement in [found for found in measurements if found.part] or measurements:
        own = AppliedTargets(measurement, tuple(targets.get((measurement.scenario, measurement.part), ())))
        whole = AppliedTargets(measurement, tuple(targets.get((measurement.scenario, ""), ())))
        inherits = measurement.part and success.SUCCESS_METRICS.isdisjoint(own.columns)
        held.append(AppliedTargets(measurement, own.expectations + whole.expectations) if inherits else own)
    return held


def _finding(outcome: Outcome, row: TargetRow) -> Finding:
    expectation = outcome.expectation
    if outcome.problem is not None:
        return Finding(
            code=FindingCode.TARGET_NOT_EVALUATED,
            severity=expectation.severity,
            part=row.part,
            metric=expectation.column,
            parameters=TargetNotEvaluated(
                expectation=expectation.type,
                number=expectation.number,
                suite=expectation.path.name,
                problem=outcome.problem,
            ),
        )
    if outcome.of_all_rows:
        observed = outcome.observed
    else:
        observed = row.metrics[expectation.column] if expectation.column else None
    return Finding(
        code=FindingCode.TARGET_MISSED,
        severity=expectation.severity,
        part=row.part,
        metric=expectation.column,
        observed=observed,
        limit=expectation.limit_for(observed),
        parameters=_demand(expectation),
    )


def _met(expectation: Expectation, row: TargetRow) -> MetTarget:
    return MetTarget(
        part=row.part,
        metric=expectation.column,
        observed=row.metrics[expectation.column] if expectation.column else None,
        severity=expectation.severity,
        **_demand(expectation).model_dump(),
    )


def _demand(expectation: Expectation) -> TargetMissed:
    return TargetMissed(expectation=expectation.type, suite=expectation.path.name, bounds=expectation.bounds)
