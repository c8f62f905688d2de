"""Repeating scenarios within a run: to confirm what looks like a regression, and to learn how repetitions differ."""

from loadtasks.engine.generator.progress import OnProgress
from loadtasks.errors import LoadTasksError
from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps.exercise import exercise_scenario, target_lost
from loadtasks.steps.judging import compare_series
from loadtasks.steps.rescue import RescuedRepetition, rescue
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict import validity
from loadtasks.verdict.history.baselines import MAX_REPETITIONS

_MAX_BY_REASON = {RepetitionReason.SUSPECT: MAX_REPETITIONS, RepetitionReason.LEARNING: 2}
"""By reason; the first measurement is one of them."""


def repetitions_due(context: RunContext, run_id: str) -> dict[str, RepetitionReason]:
    """The scenarios to repeat before the run is judged, in the order planned, and why.

    Either they look worse than the baseline and no regression of theirs is open, or the detector still has to learn how
    much repetitions within one run differ. A run with a reference has none: its rounds are repetitions already. Invalid
    measurements are not repeated, as far as their validity is known before the run is judged.
    """
    with Store.open(context.workspace.results_url) as store:
        return _due(context, store, run_id)


def confirm(
    context: RunContext, run_id: str, scenario: str, on_progress: OnProgress | None = None
) -> list[Measurement]:
    """Repeat a scenario for as long as a repetition is due. Gives the measurements of the reported repetition.

    Each repetition is kept as it ends, so that a step that is retried continues where the first try ended.

    Raises:
        As `measure`; the repetitions kept until then stand.
    """
    with Store.open(context.workspace.results_url, patient=True) as store:
        run = store.run(run_id)
        repetitions = store.repetitions(run_id, scenario)
        reason = _due(context, store, run_id).get(scenario)
        most = _MAX_BY_REASON[reason] if reason is not None else 0
        while reason is not None and len(repetitions) < most:
            measurements, _ = exercise_scenario(context, store, run_id, scenario, on_progress)
            trusted = not validity.findings(scenario, measurements, {}) and target_lost(context.target) is None
            new = Repetition(number=len(repetitions) + 1, measurements=measurements, reason=reason, trusted=trusted)
            try:
                store.add_repetition(run_id, scenario, new)
            except LoadTasksError as error:
                rescued = RescuedRepetition(run=run, scenario=scenario, repetition=new)
                raise rescue(context, rescued, error) from error
            repetitions.append(new)
            if len(repetitions) < most and _due(context, store, run_id).get(scenario) is not reason:
                break
        return store.measurements(run_id, scenario)


def _due(context: RunContext, store: Store, run_id: str) -> dict[str, RepetitionReason]:
    run = store.run(run_id)
    if run.reference_url is not None:
        return {}
    comparisons, open_regressions = compare_series(context, store, run_id)
    known = {(regression.scenario, regression.part) for regression in open_regressions}
    reasons: dict[str, set[RepetitionReason]] = {}
    for key, comparison in comparisons.items():
        if comparison.repetition_reason is not None and key not in known:
            reasons.setdefault(key[0], set()).add(comparison.repetition_reason)
    measured, failures = by_scenario(store.measurements(run_id)), store.failures(run_id)
    return {
        name: RepetitionReason.SUSPECT if RepetitionReason.SUSPECT in reasons[name] else RepetitionReason.LEARNING
        for name in run.scenarios
        if name in reasons and not validity.findings(name, measured[name], failures)
    }
