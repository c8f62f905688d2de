"""Measuring scenarios again in the same night, before anything is told of them."""

from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.net.target import Target
from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps.judging import looks
from loadtasks.steps.measuring import death, exercise
from loadtasks.verdict import validity
from loadtasks.verdict.history.levels import MAX_REPETITIONS
from loadtasks.verdict.history.sensitivity import Sensitivity
from loadtasks.workspace import Workspace

_MOST = {RepetitionReason.SUSPECT: MAX_REPETITIONS, RepetitionReason.LEARNING: 2}
"""Repetitions in one night, the first among them."""


def suspects(workspace: Workspace, run_id: str, sensitivity: Sensitivity | None = None) -> dict[str, RepetitionReason]:
    """The scenarios to be measured again before anything is told of them, in the order planned, and why.

    They look worse than their past and nobody knows of it, or it is still to be learned how much one night's
    measurements differ. Asked before the run is judged, so only that much is known of their validity. Beside a
    reference there are none: its rounds are the second look.
    """
    with Store.open(workspace.results_url) as store:
        return _wanted(store, run_id, sensitivity)


def measure_again(
    workspace: Workspace,
    run_id: str,
    scenario: str,
    target: Target,
    on_progress: OnProgress | None = None,
    *,
    processes: int = 1,
    sensitivity: Sensitivity | None = None,
) -> list[Measurement]:
    """Measure one of the `suspects` again, a suspect for as long as it is one. Gives the measurements that count.

    Each repetition is kept as it ends, so that a step that is tried again goes on where the first one ended.

    Raises:
        As `measure`; the repetitions that were kept stand then.
    """
    with Store.open(workspace.results_url) as store:
        repetitions = store.repetitions(run_id, scenario)
        why = _wanted(store, run_id, sensitivity).get(scenario)
        most = _MOST[why] if why is not None else 0
        while why is not None and len(repetitions) < most:
            measurements, _ = exercise(workspace, store, run_id, scenario, target, on_progress, processes)
            trusted = not validity.findings(scenario, measurements, {}) and death(target) is None
            new = Repetition(number=len(repetitions) + 1, measurements=measurements, reason=why, trusted=trusted)
            store.add_repetition(run_id, scenario, new)
            repetitions.append(new)
            if len(repetitions) < most and _wanted(store, run_id, sensitivity).get(scenario) is not why:
                break
        return store.measurements(run_id, scenario)


def _wanted(store: Store, run_id: str, sensitivity: Sensitivity | None) -> dict[str, RepetitionReason]:
    run = store.run(run_id)
    if run.reference_url is not None:
        return {}
    seen, known = looks(store, run_id, sensitivity)
    named = {(regression.scenario, regression.part) for regression in known}
    asked: dict[str, set[RepetitionReason]] = {}
    for key, look in seen.items():
        if look.again is not None and key not in named:
            asked.setdefault(key[0], set()).add(look.again)
    measured, failures = by_scenario(store.measurements(run_id)), store.failures(run_id)
    return {
        name: RepetitionReason.SUSPECT if RepetitionReason.SUSPECT in asked[name] else RepetitionReason.LEARNING
        for name in run.scenarios
        if name in asked and not validity.findings(name, measured[name], failures)
    }
