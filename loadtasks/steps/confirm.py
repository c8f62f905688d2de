"""Measuring scenarios once more at the end of a run.

To confirm what looks like a regression, to learn how repetitions differ, to repeat what was invalid, and to measure
what nothing was kept of.
"""

from collections.abc import Sequence
from itertools import dropwhile

from loadtasks.engine.generator.progress import OnProgress
from loadtasks.errors import TargetUnavailableError
from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps.judging import compare_series
from loadtasks.steps.measuring import measure, measure_again, scenarios_repeatable
from loadtasks.steps.preflight import usual_page_is_silent
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict import validity
from loadtasks.verdict.history.baselines import MAX_REPETITIONS

_PRECEDENCE = (RepetitionReason.MISSING, RepetitionReason.INVALID, RepetitionReason.SUSPECT, RepetitionReason.LEARNING)
_MAX_BY_REASON = {RepetitionReason.SUSPECT: MAX_REPETITIONS, RepetitionReason.LEARNING: 2, RepetitionReason.INVALID: 3}
"""By reason; the first measurement is one of them. What is invalid is repeated at once and at the end of the run."""


def repetitions_due(context: RunContext, run_id: str) -> dict[str, RepetitionReason]:
    """The scenarios to measure once more before the run is judged, in the order planned, and why.

    Nothing is kept of them that could be judged, or they are invalid, for a reason that may have passed; or they look
    worse than the baseline and no regression of theirs is open; or the detector still has to learn how much repetitions
    within one run differ. In a run with a reference only the first two count: its rounds are repetitions already.

    A scenario that uses up the rows of its feeder is never repeated: it would meet what it deleted, or made, before. It
    is measured only where it was never begun. What the target didn't respond to is not due while it still doesn't.
    """
    with Store.open(context.workspace.results_url) as store:
        due, failures = _due(context, store, run_id), store.failures(run_id)
    waiting = {name for name in due if name in failures and failures[name].code is FindingCode.TARGET_NOT_RESPONDING}
    if waiting and not _responds(context):
        due = {name: reason for name, reason in due.items() if name not in waiting}
    return due


def confirm(
    context: RunContext, run_id: str, scenario: str, on_progress: OnProgress | None = None
) -> list[Measurement]:
    """Measure a scenario for as long as it is due. Gives the measurements of the reported repetition.

    Each repetition is kept as it ends, so that a step that is retried continues where the first try ended. What is
    missing is measured once, and what is invalid is repeated once: the reason has not passed if it stands still.

    Raises:
        As `measure`; the repetitions kept until then stand.
    """
    with Store.open(context.workspace.results_url, patient=True) as store:
        reason = _due(context, store, run_id).get(scenario)
        while reason is not None:
            before = reason
            if before is RepetitionReason.MISSING:
                measure(context, run_id, scenario, on_progress)
            else:
                measure_again(context, run_id, scenario, before, on_progress)
            reason = _due(context, store, run_id).get(scenario)
            # Only once a scenario is valid can it turn out to be suspected. What was missing was repeated already
            # where it was invalid.
            repeated_enough = {
                RepetitionReason.MISSING: reason in (RepetitionReason.MISSING, RepetitionReason.INVALID),
                RepetitionReason.INVALID: reason is before,
            }.get(before, reason is not before)
            if repeated_enough:
                break
        return store.measurements(run_id, scenario)


def _due(context: RunContext, store: Store, run_id: str) -> dict[str, RepetitionReason]:
    run, measured, failures = store.run(run_id), by_scenario(store.measurements(run_id)), store.failures(run_id)
    reasons: dict[str, set[RepetitionReason]] = {}
    for name in run.scenarios:
        found = validity.findings(name, measured.get(name, []), failures)
        if not found:
            reasons[name] = set()
        elif validity.is_missing(found):
            reasons[name] = {RepetitionReason.MISSING}
        elif validity.may_pass(found):
            reasons[name] = {RepetitionReason.INVALID}
    if run.reference_url is None:
        comparisons, regressions, _ = compare_series(context, store, run_id)
        known = {(one.scenario, one.part) for one in regressions if not one.state.ended}
        for key, comparison in comparisons.items():
            if comparison.repetition_reason is not None and key not in known and key[0] in reasons:
                reasons[key[0]].add(comparison.repetition_reason)
    due = {name: next(reason for reason in _PRECEDENCE if reason in given) for name, given in reasons.items() if given}
    due = {name: reason for name, reason in due.items() if not _is_enough(reason, store.repetitions(run_id, name))}
    repeatable = scenarios_repeatable(context) if due else {}
    begun = store.beginnings(run_id) if due else {}
    unsent = {name for name in repeatable if due.get(name) is RepetitionReason.MISSING and name not in begun}
    return {name: reason for name, reason in due.items() if repeatable.get(name) or name in unsent}


def _responds(context: RunContext) -> bool:
    try:
        usual_page_is_silent(context.target)
    except TargetUnavailableError:
        return False
    return True


def _is_enough(reason: RepetitionReason, repetitions: Sequence[Repetition]) -> bool:
    """Whether no further repetition is made for a reason; only of those since the first valid one is compared."""
    if reason is RepetitionReason.MISSING:
        return False  # the one before is replaced
    if reason is not RepetitionReason.INVALID:
        repetitions = list(dropwhile(lambda repetition: not repetition.trusted, repetitions))
    return len(repetitions) >= _MAX_BY_REASON[reason]
