"""Findings about regressions that nobody answers, lost gains, creep, and what a dismissal teaches."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.measurement.model import Measurement, metric
from loadtasks.results.creep_record import CreepRecord
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import GainLost
from loadtasks.results.findings.lifecycle import AcceptedAutomatically, AcceptedMetric, CreepDrift, ThresholdRaised
from loadtasks.results.regression import MetricChange, Regression, grouped
from loadtasks.verdict.history.comparison import BaselineComparison
from loadtasks.verdict.history.replay import CreepChange
from loadtasks.verdict.history.series_judgement import DetectorState
from loadtasks.verdict.history.unanswered import is_unanswered

_MIN_RAISED = 0.1
"""Log odds; less makes no difference that anybody could see."""


@dataclass(frozen=True)
class KnownChanges:
    """What was found before a run, as it stood then."""

    regressions: Sequence[Regression] = ()
    """Those that had not ended, the newest first."""
    unanswered: Collection[int] = ()
    """The ids of those that nobody has answered for so long that this run accepts them."""
    dismissed: Sequence[Regression] = ()
    """Those that were dismissed, the newest first."""
    creeps: Sequence[CreepRecord] = ()
    """What earlier runs have reported."""
    names: Mapping[int, int] = field(default_factory=dict)
    """The id that people know a regression by, by its own, where several scenarios share one."""

    def of(self, measurement: Measurement) -> list[Regression]:
        """The regressions of a scenario or part that had not ended, the oldest first."""
        key = (measurement.scenario, measurement.part)
        return [one for one in reversed(self.regressions) if (one.scenario, one.part) == key]


def find_unanswered(
    regressions: Sequence[Regression],
    comparisons: Mapping[tuple[str, str], BaselineComparison],
    run_id: str,
    *,
    newest: bool,
    limit: int,
) -> set[int]:
    """The ids of the regressions that a run accepts because nobody has answered them.

    Those that people know as one are accepted at once: all of them, as soon as one is due and the run shows it.

    Args:
        regressions: Those of the service as they are stored.
        comparisons: The run against its baselines.
        run_id: The run.
        newest: Whether no later run was opened; an earlier one accepts only what it has accepted before.
        limit: After how many runs a regression is accepted; 0: never.
    """
    answered = {(one.scenario, one.part) for one in regressions if not one.state.ended and one.is_answered}

    def is_due(regression: Regression) -> bool:
        comparison = comparisons.get((regression.scenario, regression.part))
        return (
            comparison is not None
            and is_unanswered(regression, comparison.series, limit)
            and any(history.judgement.state is DetectorState.REGRESSED for history in comparison.metrics.values())
        )

    found = {one.id for one in regressions if one.accepted_automatically_in == run_id}
    for members in grouped(regressions) if newest else ():
        unended = [one for one in members if not one.state.ended]
        if not any((one.scenario, one.part) in answered for one in unended) and any(map(is_due, unended)):
            found |= {one.id for one in unended}
    return found


def accepted_finding(
    regression: Regression, comparison: BaselineComparison, changes: Sequence[MetricChange]
) -> Finding:
    """That nobody has answered a regression, and this run accepts it."""
    order = [point.run_id for point in comparison.series.points]
    since = order.index(regression.found_run) if regression.found_run in order else -1
    parameters = AcceptedAutomatically(
        regression=regression.id,
        found_run=regression.found_run,
        first_run=regression.first_run,
        runs=len(order) - 1 - since,
        metrics=tuple(
            AcceptedMetric(metric=change.metric, before=change.before, ratio=change.ratio, errors=change.errors)
            for change in changes
        ),
    )
    return Finding(
        code=FindingCode.ACCEPTED_AUTOMATICALLY,
        severity=Severity.WARNING,
        part=regression.part,
        parameters=parameters,
    )


def lost_gain(comparison: BaselineComparison, name: str) -> GainLost | None:
    """The gain that a metric's regression takes back; None where there is none."""
    gain = comparison.metrics[name].lost_gain
    if gain is None:
        return None
    return GainLost(
        first_run=gain.first_run,
        first_run_started_at=comparison.point_of(gain.first_run).started_at,
        before=gain.before,
        ratio=gain.ratio,
    )


def find_creep(measurement: Measurement, comparison: BaselineComparison, known: KnownChanges) -> CreepRecord | None:
    """The creep of a scenario or part that no earlier run has reported; None where there is none."""
    crept = {name: history.creep for name, history in comparison.metrics.items() if history.creep is not None}
    if not crept or any(_is_same(record, measurement, comparison) for record in known.creeps):
        return None
    return CreepRecord(
        run_id=comparison.point.run_id,
        scenario=measurement.scenario,
        part=measurement.part,
        anchor_run=next(iter(crept.values())).anchor_run,
        findings=tuple(_creep_finding(measurement, comparison, creep) for creep in crept.values()),
    )


def _is_same(record: CreepRecord, measurement: Measurement, comparison: BaselineComparison) -> bool:
    """Whether a reported creep is away from the anchor that the runs of a comparison have."""
    if (record.scenario, record.part) != (measurement.scenario, measurement.part):
        return False
    runs = [point.run_id for point in comparison.series.points]
    return record.run_id in runs[1:]  # the first one may have been approved because of it


def _creep_finding(measurement: Measurement, comparison: BaselineComparison, creep: CreepChange) -> Finding:
    change = creep.change
    first, last = (comparison.point_of(run_id) for run_id in (creep.first_run, creep.last_run))
    relative = BASELINE_METRICS[change.metric].relative_to is not None
    parameters = CreepDrift(
        ratio=change.ratio,
        low=change.low,
        high=change.high,
        relative_to_median=relative,
        anchor_run=creep.anchor_run,
        first_run=creep.first_run,
        first_run_started_at=first.started_at,
        runs=creep.runs,
        days=(last.started_at - first.started_at).total_seconds() / 86_400,
    )
    return Finding(
        code=FindingCode.CREEP,
        severity=Severity.WARNING,
        part=measurement.part,
        metric=change.metric,
        observed=metric(measurement, change.metric) if relative else change.before * change.ratio,
        limit=change.before,
        parameters=parameters,
    )


def raised_thresholds(scenario: str, part: str, comparison: BaselineComparison, known: KnownChanges) -> list[Finding]:
    """The metrics of which a change needs more evidence since a dismissal."""
    dismissed = [
        known.names.get(one.id, one.id)
        for one in reversed(known.dismissed)
        if (one.scenario, one.part) == (scenario, part)
    ]
    return [
        Finding(
            code=FindingCode.THRESHOLD_RAISED,
            part=part,
            metric=name,
            parameters=ThresholdRaised(log_odds=round(history.threshold_raised, 2), dismissed=tuple(dismissed)),
        )
        for name, history in comparison.metrics.items()
        if history.threshold_raised >= _MIN_RAISED
    ]
