"""Measuring scenarios again in the same night, before anything is told of them."""

from collections.abc import Mapping, Sequence

from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.net.target import Target
from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.results.repetitions import Repetition, choose_reported
from loadtasks.results.store import Store
from loadtasks.steps.judging import looks
from loadtasks.steps.measuring import death, exercise
from loadtasks.units import duration, share
from loadtasks.verdict import validity
from loadtasks.verdict.history.detector import RepetitionReason
from loadtasks.verdict.history.levels import MAX_REPETITIONS
from loadtasks.verdict.history.sensitivity import Sensitivity
from loadtasks.workspace import Workspace

_MOST = {RepetitionReason.SUSPECT: MAX_REPETITIONS, RepetitionReason.LEARNING: 2}
"""Repetitions in one night, the first among them."""
_WHICH = {
    1: "the one that can be trusted counts",
    2: "the milder one counts, and both are evidence",
    3: "the middle one counts, and all are evidence",
    4: "the second mildest counts, and all are evidence",
}
"""By how many can be trusted: what `choose_reported` does, in words."""


def suspects(workspace: Workspace, run_id: str, sensitivity: Sensitivity | None = None) -> dict[str, RepetitionReason]:
    """The scenarios to be measured again before anything is told of them, in the order planned, and why.

    They look worse than their past and nobody knows of it, or it is still to be learned how much one night's
    measurements differ. Asked before the run is judged, so only that much is known of their validity. Beside a
    reference there are none: its rounds are the second look.
    """
    with Store.open(workspace.results_url) as store:
        return _wanted(store, run_id, sensitivity)


def announced(wanted: Mapping[str, RepetitionReason]) -> str:
    """What is measured again and why, as people read it; empty where nothing is."""
    return ", ".join(f"{scenario} ({why})" for scenario, why in wanted.items())


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
            trusted = not validity.findings(scenario, measurements, {}) and death(target, scenario) is None
            new = Repetition(number=len(repetitions) + 1, measurements=measurements, trusted=trusted)
            repetitions = choose_reported([*repetitions, new])
            remark = (
                _told(repetitions) if why is RepetitionReason.SUSPECT else None
            )  # every scenario learns: nothing to look at
            store.add_repetition(run_id, scenario, measurements, number=new.number, trusted=trusted, remark=remark)
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


def _told(repetitions: Sequence[Repetition]) -> str:
    """How a suspect was measured several times, in one sentence."""
    times = "twice" if len(repetitions) == 2 else f"{len(repetitions)} times"  # noqa: PLR2004 - the word for 2
    trusted = sum(repetition.trusted for repetition in repetitions)
    among = "of those that can be trusted " if 1 < trusted < len(repetitions) else ""
    showed = "; then ".join(map(_showed, repetitions))
    return f"measured {times}, since it looked worse than its past: {showed}; {among}{_WHICH[trusted]}"


def _showed(repetition: Repetition) -> str:
    whole = repetition.measurements[0]
    told = f"p50 {duration(whole.p50_s)}, p95 {duration(whole.p95_s)}"
    if whole.success_rate is not None and whole.success_rate < 1:
        told += f", {share(whole.success_rate)} good"
    return told if repetition.trusted else f"{told} (not to be trusted)"
