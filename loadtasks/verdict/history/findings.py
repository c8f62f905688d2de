"""What a comparison with the baseline finds in a scenario: findings, numbers side by side, and new regressions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loadtasks.measurement.model import Measurement, metric
from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import (
    AcknowledgedShift,
    BaselineShift,
    BaselineTooShort,
    KnownRegression,
    RegressionShift,
    Shape,
    Suspected,
)
from loadtasks.results.findings.lifecycle import AcceptedAutomatically
from loadtasks.results.judgement import MetricComparison
from loadtasks.results.regression import AUTOMATIC, MetricChange, Move, Regression, RegressionState
from loadtasks.verdict.history.baselines import MIN_BASELINE_RUNS
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.verdict.history.environment import environment_findings
from loadtasks.verdict.history.lifecycle import (
    KnownChanges,
    accepted_finding,
    find_creep,
    lost_gain,
    raised_thresholds,
)
from loadtasks.verdict.history.replay import TAIL
from loadtasks.verdict.history.series_judgement import DetectorState

_NOT_SAVED = 0
"""The id of a regression that the store has not given one yet."""


@dataclass
class ComparedScenario:
    """A scenario, its whole and its parts, compared with its baseline."""

    comparisons: list[MetricComparison] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    found: list[Regression] = field(default_factory=list)
    """Regressions that were not known before."""
    recovered: list[int] = field(default_factory=list)
    """Ids of known regressions that the scenario has recovered from."""
    accepted: list[int] = field(default_factory=list)
    """Ids of known regressions that nobody has answered, and whose level is the baseline from now on."""
    before_run: str | None = None
    """The last run before a change: what a diagnosis compares with."""
    creeps: list[CreepRecord] = field(default_factory=list)
    """Creeps that no earlier run has reported."""


def compare_scenario(
    measurements: Sequence[Measurement],
    comparisons: Mapping[tuple[str, str], BaselineComparison],
    known: KnownChanges,
    at: datetime,
) -> ComparedScenario:
    """Compare one scenario's measurements with their baselines.

    Args:
        measurements: The whole first, then its parts.
        comparisons: The comparisons of the run, by scenario and part.
        known: What was found before.
        at: When a new regression is opened.
    """
    compared = ComparedScenario()
    for measurement in measurements:
        comparison = comparisons.get((measurement.scenario, measurement.part))
        if comparison is None:
            continue
        _add(compared, measurement, comparison, known, at)
    return compared


def name_regressions(
    findings: Sequence[Finding], scenario: str, saved: Sequence[Regression], names: Mapping[int, int]
) -> list[Finding]:
    """The findings of a scenario with the ids that people know its regressions by.

    What was found as part of a regression that somebody has acknowledged is acknowledged.

    Args:
        findings: Of the scenario.
        scenario: Its name.
        saved: Regressions that were just saved with the id that they were given.
        names: The id that people know a regression by, by its own.
    """
    new = {regression.part: regression for regression in saved if regression.scenario == scenario}
    return [_named(finding, new.get(finding.part), names) for finding in findings]


def _named(finding: Finding, new: Regression | None, names: Mapping[int, int]) -> Finding:
    own = finding.parameters
    if not isinstance(own, RegressionShift | KnownRegression | AcceptedAutomatically):
        return finding
    number = own.regression if own.regression is not None else new.id if new is not None else None
    if number is None:
        return finding
    named = own.model_copy(update={"regression": names.get(number, number)})
    last = new.moves[-1] if new is not None and new.id == number else None
    if last is None or last.state is not RegressionState.ACKNOWLEDGED or not isinstance(named, RegressionShift):
        return finding.model_copy(update={"parameters": named})
    acknowledged = AcknowledgedShift(**named.model_dump(), acknowledged_by=last.who, why=last.why)
    return Finding(
        code=FindingCode.REGRESSION_ACKNOWLEDGED,
        parameters=acknowledged,
        **{name: getattr(finding, name) for name in ("part", "metric", "observed", "limit")},
    )


def compare_metric(
    measurement: Measurement, name: str, before: float | None, factor: float | None = None
) -> MetricComparison | None:
    """A metric and an earlier value of it side by side; None where either is missing.

    `factor`: by which the change may be larger or smaller; None where that is unknown.
    """
    observed = metric(measurement, name)
    if observed is None or before is None:
        return None
    ratio = observed / before if before else None
    return MetricComparison(
        part=measurement.part,
        metric=name,
        observed=observed,
        baseline=before,
        ratio=ratio,
        low=ratio / factor if ratio is not None and factor is not None else None,
        high=ratio * factor if ratio is not None and factor is not None else None,
    )


def _add(
    compared: ComparedScenario,
    measurement: Measurement,
    comparison: BaselineComparison,
    known: KnownChanges,
    at: datetime,
) -> None:
    ours = known.of(measurement)
    compared.comparisons += _metric_comparisons(measurement, comparison)
    if not measurement.part:  # what holds for the whole holds for its parts
        compared.findings += _reasons_not_compared(comparison)
    compared.findings += environment_findings(measurement, comparison)
    regressed = _changes(comparison, DetectorState.REGRESSED)
    unanswered = [  # one that several scenarios share is accepted with the others, also where this run doesn't show it
        one for one in ours if one.id in known.unanswered and (regressed or one.shared_since is not None)
    ]
    if regressed and not ours:
        ours = [_new_regression(measurement, comparison, regressed, at)]
        compared.found += ours
    if unanswered:
        compared.accepted += [regression.id for regression in unanswered]
        compared.findings += [
            accepted_finding(regression, comparison, list(regressed.values()) or regression.changes)
            for regression in unanswered
        ]
    elif regressed:
        compared.before_run = compared.before_run or _run_before(comparison)
        compared.findings += [
            _regression_finding(measurement, comparison, change, ours[0], regressed) for change in regressed.values()
        ]
    for regression in () if regressed or unanswered else ours:
        _add_recovery(compared, measurement, comparison, regression)
    for change in _changes(comparison, DetectorState.IMPROVED).values():
        shift = BaselineShift(**_shift(comparison, change))
        compared.findings.append(_finding(FindingCode.IMPROVEMENT, measurement, change, shift))
    suspected = [
        name for name, history in comparison.metrics.items() if history.judgement.state is DetectorState.SUSPECTED
    ]
    if suspected and not regressed:
        compared.findings.append(
            Finding(code=FindingCode.SUSPECTED, part=measurement.part, parameters=Suspected(metrics=tuple(suspected)))
        )
    creep = find_creep(measurement, comparison, known)
    if creep is not None:
        compared.creeps.append(creep)
        compared.findings += creep.findings
    compared.findings += raised_thresholds(measurement.scenario, measurement.part, comparison, known)


def _add_recovery(
    compared: ComparedScenario, measurement: Measurement, comparison: BaselineComparison, known: Regression
) -> None:
    """What a run without a metric that is worse says about a known regression."""
    states = {history.judgement.state for history in comparison.metrics.values()}
    if DetectorState.RECOVERING in states:
        code = FindingCode.RECOVERING
    elif DetectorState.LEARNING not in states or any(one.judgement.recovered for one in comparison.metrics.values()):
        code = FindingCode.RECOVERED
        compared.recovered.append(known.id)
    else:  # of another baseline, which says nothing about it
        return
    parameters = KnownRegression(regression=known.id, found_run=known.found_run, first_run=known.first_run)
    compared.findings.append(Finding(code=code, part=measurement.part, parameters=parameters))


def _metric_comparisons(measurement: Measurement, comparison: BaselineComparison) -> list[MetricComparison]:
    compared = (
        compare_metric(measurement, name, comparison.level(name), comparison.change_factor(name))
        for name in comparison.metrics
    )
    return [one for one in compared if one is not None]


def _reasons_not_compared(comparison: BaselineComparison) -> list[Finding]:
    """Why a scenario is not compared with a baseline, or only with a new one."""
    findings = []
    if comparison.not_comparable is not None:
        findings.append(Finding(code=FindingCode.NOT_COMPARABLE, parameters=comparison.not_comparable))
    missing = max((history.judgement.missing_runs for history in comparison.metrics.values()), default=0)
    if missing and len(comparison.series.points) < MIN_BASELINE_RUNS:
        median = comparison.metrics.get("p50_s")
        too_short = BaselineTooShort(missing_runs=missing, detectable=median.detectable if median is not None else None)
        findings.append(Finding(code=FindingCode.BASELINE_TOO_SHORT, parameters=too_short))
    return findings


def _changes(comparison: BaselineComparison, state: DetectorState) -> dict[str, MetricChange]:
    """The change of each metric that is in this state."""
    return {
        name: history.change
        for name, history in comparison.metrics.items()
        if history.judgement.state is state and history.change is not None
    }


def _run_before(comparison: BaselineComparison) -> str | None:
    """The last run before the change of the first metric that has one."""
    runs = (history.before_run for history in comparison.metrics.values())
    return next((run_id for run_id in runs if run_id is not None), None)


def _new_regression(
    measurement: Measurement, comparison: BaselineComparison, changes: Mapping[str, MetricChange], at: datetime
) -> Regression:
    first_run = _first_run(comparison, changes)
    version_before, version_after = _versions(comparison, first_run)
    return Regression(
        id=_NOT_SAVED,
        service=comparison.point.fingerprint.service,
        scenario=measurement.scenario,
        part=measurement.part,
        first_run=first_run,
        found_run=comparison.point.run_id,
        version_before=version_before,
        version_after=version_after,
        changes=list(changes.values()),
        moves=[
            Move(
                state=RegressionState.OPEN,
                at=at,
                who=AUTOMATIC,
                why=f"found in run {comparison.point.run_id}",
                sequence=comparison.point.sequence,
                run_id=comparison.point.run_id,
            )
        ],
    )


def _first_run(comparison: BaselineComparison, changes: Mapping[str, MetricChange]) -> str:
    """The earliest first run of several metrics' changes."""
    order = [point.run_id for point in comparison.series.points]
    return min((str(comparison.metrics[name].first_run) for name in changes), key=order.index)


def _versions(comparison: BaselineComparison, first_run: str) -> tuple[str | None, str | None]:
    """The target's version in the last run before a change, and in its first run."""
    before_run = _run_before(comparison)
    before = comparison.point_of(before_run).target_version if before_run is not None else None
    return before, comparison.point_of(first_run).target_version


def _regression_finding(
    measurement: Measurement,
    comparison: BaselineComparison,
    change: MetricChange,
    regression: Regression,
    regressed: Mapping[str, MetricChange],
) -> Finding:
    shift = _shift(comparison, change) | {
        "version_before": regression.version_before,
        "version_after": regression.version_after,
        "regression": regression.id if regression.id != _NOT_SAVED else None,
        "found_run": regression.found_run if regression.found_run != comparison.point.run_id else None,
        "gain": lost_gain(comparison, change.metric),
    }
    if change.metric == (TAIL if TAIL in regressed else "p50_s"):
        shift["shape"] = _shape(comparison, regressed)
    if regression.state is not RegressionState.ACKNOWLEDGED:
        return _finding(FindingCode.REGRESSION, measurement, change, RegressionShift(**shift))
    last = regression.moves[-1]
    acknowledged = AcknowledgedShift(**shift, acknowledged_by=last.who, why=last.why)
    return _finding(FindingCode.REGRESSION_ACKNOWLEDGED, measurement, change, acknowledged)


def _shift(comparison: BaselineComparison, change: MetricChange) -> dict[str, Any]:
    """The parameters of a change that every kind of finding about it has."""
    first_run = str(comparison.metrics[change.metric].first_run)
    version_before, version_after = _versions(comparison, first_run)
    return {
        "ratio": change.ratio,
        "low": change.low,
        "high": change.high,
        "relative_to_median": change.metric == TAIL,
        "first_run": first_run,
        "first_run_started_at": comparison.point_of(first_run).started_at,
        "version_before": version_before,
        "version_after": version_after,
        "errors": change.errors,
    }


def _finding(code: FindingCode, measurement: Measurement, change: MetricChange, parameters: BaselineShift) -> Finding:
    return Finding(
        code=code,
        part=measurement.part,
        metric=change.metric,
        observed=metric(measurement, change.metric),
        limit=change.before,
        parameters=parameters,
    )


def _shape(comparison: BaselineComparison, regressed: Mapping[str, MetricChange]) -> Shape | None:
    """Which part of the distribution shifted; None where it isn't known."""
    if TAIL in regressed:
        return Shape.TAIL_MORE if "p50_s" in regressed else Shape.TAIL_ONLY
    tail = comparison.metrics.get(TAIL)
    steady = tail is not None and tail.judgement.state is DetectorState.NORMAL
    return Shape.WHOLE_DISTRIBUTION if steady else None
