"""Repeating scenarios within a run.

To confirm what looks like a regression, to learn how repetitions differ, and to measure again what was invalid.
"""

from collections.abc import Sequence
from itertools import dropwhile

from loadtasks.engine.generator.progress import OnProgress
from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.model import uses_up_rows
from loadtasks.steps.exercise import exercise_scenario
from loadtasks.steps.judging import compare_series
from loadtasks.steps.rescue import MeasuredRepetition, save_or_rescue
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict import validity
from loadtasks.verdict.history.baselines import MAX_REPETITIONS

_PRECEDENCE = (RepetitionReason.INVALID, RepetitionReason.SUSPECT, RepetitionReason.LEARNING)
_MAX_BY_REASON = {RepetitionReason.SUSPECT: MAX_REPETITIONS, RepetitionReason.LEARNING: 2, RepetitionReason.INVALID: 3}
"""By reason; the first measurement is one of them. What is invalid is repeated at once and at the end of the run."""


def repetitions_due(context: RunContext, run_id: str) -> dict[str, RepetitionReason]:
    """The scenarios to repeat before the run is judged, in the order planned, and why.

    Either they are invalid for a reason that may have passed, or they look worse than the baseline and no regression of
    theirs is open, or the detector still has to learn how much repetitions within one run differ. In a run with a
    reference only invalid ones are repeated: its rounds are repetitions already. A scenario that uses up the rows of
    its feeder is never repeated: it would meet what it deleted, or made, before.
    """
    with Store.open(context.workspace.results_url) as store:
        return _due(context, store, run_id)


def confirm(
    context: RunContext, run_id: str, scenario: str, on_progress: OnProgress | None = None
) -> list[Measurement]:
    """Repeat a scenario for as long as a repetition is due. Gives the measurements of the reported repetition.

    Each repetition is kept as it ends, so that a step that is retried continues where the first try ended. What is
    invalid is repeated once: the reason has not passed if it is invalid still.

    Raises:
        As `measure`; the repetitions kept until then stand.
    """
    with Store.open(context.workspace.results_url, patient=True) as store:
        reason = _due(context, store, run_id).get(scenario)
        while reason is not None:
            before = reason
            measure_again(context, run_id, scenario, before, on_progress)
            reason = _due(context, store, run_id).get(scenario)
            # Only once a scenario is valid can it turn out to be suspected.
            repeated_enough = reason is before if before is RepetitionReason.INVALID else reason is not before
            if repeated_enough:
                break
        return store.measurements(run_id, scenario)


def repeat_if_invalid(
    context: RunContext, run_id: str, scenario: str, measurements: list[Measurement], on_progress: OnProgress | None
) -> list[Measurement]:
    """Repeat a scenario at once if its measurement is invalid for a reason that may have passed.

    Gives the measurements of the reported repetition.

    Raises:
        As `measure_again`.
    """
    may_pass = validity.may_pass(validity.findings(scenario, measurements, {}))
    if not may_pass or scenario not in _repeatable(context):
        return measurements
    return measure_again(context, run_id, scenario, RepetitionReason.INVALID, on_progress)


def measure_again(
    context: RunContext, run_id: str, scenario: str, reason: RepetitionReason, on_progress: OnProgress | None = None
) -> list[Measurement]:
    """Repeat a scenario once. Gives the measurements of the reported repetition.

    In a run with a reference the repetition takes the place of what was measured before.

    Raises:
        LoadTasksError: the scenario could not be measured; what was measured before stands.
        NotKeptError: the results database can't take the measurements, which are in files now.
    """
    with Store.open(context.workspace.results_url, patient=True) as store:
        run, earlier = store.run(run_id), store.repetitions(run_id, scenario)
        measurements, pairing, lost = exercise_scenario(context, store, run_id, scenario, on_progress)
        if pairing is not None:
            first = Repetition(number=1, measurements=measurements)
            paired = MeasuredRepetition(run=run, scenario=scenario, repetition=first, failure=lost, pairing=pairing)
            save_or_rescue(context, store, paired)
            return measurements
        trusted = _is_valid(scenario, measurements) and lost is None
        new = Repetition(number=len(earlier) + 1, measurements=measurements, reason=reason, trusted=trusted)
        save_or_rescue(context, store, MeasuredRepetition(run=run, scenario=scenario, repetition=new))
        for repetition in earlier:
            if repetition.trusted and not _is_valid(scenario, repetition.measurements):
                store.add_repetition(run_id, scenario, repetition.model_copy(update={"trusted": False}))
        return store.measurements(run_id, scenario)


def _due(context: RunContext, store: Store, run_id: str) -> dict[str, RepetitionReason]:
    run, measured, failures = store.run(run_id), by_scenario(store.measurements(run_id)), store.failures(run_id)
    reasons: dict[str, set[RepetitionReason]] = {}
    for name in run.scenarios:
        found = validity.findings(name, measured.get(name, []), failures)
        if not found:
            reasons[name] = set()
        elif validity.may_pass(found):
            reasons[name] = {RepetitionReason.INVALID}
    if run.reference_url is None:
        comparisons, open_regressions = compare_series(context, store, run_id)
        known = {(regression.scenario, regression.part) for regression in open_regressions}
        for key, comparison in comparisons.items():
            if comparison.repetition_reason is not None and key not in known and key[0] in reasons:
                reasons[key[0]].add(comparison.repetition_reason)
    due = {name: next(reason for reason in _PRECEDENCE if reason in given) for name, given in reasons.items() if given}
    missing = {name: reason for name, reason in due.items() if not _is_enough(reason, store.repetitions(run_id, name))}
    repeatable = _repeatable(context) if missing else frozenset()
    return {name: reason for name, reason in missing.items() if name in repeatable}


def _repeatable(context: RunContext) -> frozenset[str]:
    """The scenarios whose requests can be sent once more."""
    known = read_scenarios(context.workspace.scenarios)
    return frozenset(name for name, scenario in known.items() if not uses_up_rows(scenario))


def _is_enough(reason: RepetitionReason, repetitions: Sequence[Repetition]) -> bool:
    """Whether no further repetition is made for a reason; only of those since the first valid one is compared."""
    if reason is not RepetitionReason.INVALID:
        repetitions = list(dropwhile(lambda repetition: not repetition.trusted, repetitions))
    return len(repetitions) >= _MAX_BY_REASON[reason]


def _is_valid(scenario: str, measurements: Sequence[Measurement]) -> bool:
    return not validity.findings(scenario, measurements, {})
