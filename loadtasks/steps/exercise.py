"""How a scenario is driven: alone, or in rounds against a reference; and whether the target responds after it."""

import socket
from contextlib import suppress
from typing import NamedTuple

from loadtasks.engine.generator.calibration import calibrate
from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.http.metrics_reader import compare_metrics, read_metrics
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_paired import RoundPlan, TargetPair, run_paired
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.errors import BadInputError, LoadTasksError, TargetUnavailableError
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.redaction.redactor import Redactor
from loadtasks.report.sentences.validity import refused_request
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.pairing import Pairing
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.scenarios.model import HttpScenario, Scenario
from loadtasks.steps.preflight import ask_target, usual_page_is_silent
from loadtasks.steps.run_context import RunContext


class Exercised(NamedTuple):
    """What driving a scenario showed."""

    measurements: list[Measurement]
    """The whole first, then the parts of a mixed scenario."""
    pairing: Pairing | None
    """What the reference showed; None where there is none."""
    lost: MeasurementFailure | None
    """Why the measurements can't be trusted: the target stopped responding. None where it responds."""


def check_pairing(context: RunContext) -> None:
    """Check that scenarios can be driven against the reference, where there is one.

    Raises:
        BadInputError: there is more than one process.
    """
    if context.reference is not None and context.processes > 1:
        raise BadInputError(
            f"{context.processes} processes and a reference: paired rounds are driven by one process; leave out "
            "--processes and LOADTASKS_PROCESSES, or the reference."
        )


def exercise_scenario(
    context: RunContext, store: Store, run_id: str, scenario: str, on_progress: OnProgress | None
) -> Exercised:
    """Drive one scenario of a run with the load of that run, and see whether the target still responds after it.

    Raises:
        LoadTasksError: the scenario could not be measured.
    """
    run = store.run(run_id)
    (chosen,) = select(read_scenarios(context.workspace.scenarios), [scenario])
    with context.redactor(chosen).in_errors():
        silent = usual_page_is_silent(context.target)
        measurements, pairing = drive(
            context, chosen.scaled(run.load_factor), _calibration(store, run), f"{run.id} {scenario}", on_progress
        )
    return Exercised(measurements, pairing, _lost(context.target, silent_before=silent is not None))


def drive(
    context: RunContext,
    scenario: Scenario,
    calibration: Calibration,
    seed: str,
    on_progress: OnProgress | None = None,
) -> tuple[list[Measurement], Pairing | None]:
    """Drive a scenario. Gives the whole and its parts, and what the reference showed; None where there is none.

    The first measurement holds what the target's own metrics say about that time. If the reference is down or stops
    responding, the scenario is measured alone and the pairing says why. `seed` decides which build begins a round.

    Raises:
        LoadTasksError: the scenario could not be measured.
    """
    before = read_metrics(context.target)
    measurements, pairing = _paired_or_alone(context, scenario, calibration, seed, on_progress)
    after = read_metrics(context.target)
    redactor = context.redactor(scenario)
    own = compare_metrics(context.target, before, after, redactor)
    if pairing is not None and pairing.problem is not None:
        pairing = pairing.model_copy(update={"problem": redactor(pairing.problem)})
    return [measurements[0].model_copy(update={"target_metrics": own}), *measurements[1:]], pairing


def _lost(target: Target, *, silent_before: bool) -> MeasurementFailure | None:
    """Why what a target has just shown can't be trusted: it no longer responds. None when it does.

    `silent_before`: whether its usual health page gave no response before the load either.
    """
    error: TargetUnavailableError | None
    try:
        error = usual_page_is_silent(target)
        error = None if silent_before else error
    except TargetUnavailableError as unavailable:
        error = unavailable
    if error is None:
        return None
    detail = Redactor(target.secrets)(str(error))
    return MeasurementFailure(code=FindingCode.TARGET_STOPPED_RESPONDING, detail=detail)


def _paired_or_alone(
    context: RunContext, scenario: Scenario, calibration: Calibration, seed: str, on_progress: OnProgress | None
) -> tuple[list[Measurement], Pairing | None]:
    fixed_number = isinstance(scenario, HttpScenario) and not scenario.scales  # can't be cut into rounds
    if context.reference is None or fixed_number:
        alone = run_scenario(
            scenario, context.target, on_progress, processes=context.processes, calibration=calibration
        )
        return alone, None
    problem = _problem_of_reference(context.reference, scenario)
    if problem is not None:
        return run_scenario(scenario, context.target, on_progress, calibration=calibration), Pairing(problem=problem)
    targets = TargetPair(context.target, context.reference)
    plan = RoundPlan(context.round_budget.more_rounds, seed, context.round_budget.seconds)
    paired = run_paired(scenario, targets, plan, on_progress, calibration=calibration)
    if paired.lost is not None:
        return paired.candidate, Pairing(problem=paired.lost)
    return paired.candidate, Pairing(reference=paired.reference, round_ratios=paired.round_ratios)


def _problem_of_reference(reference: Target, scenario: Scenario) -> str | None:
    """Why a scenario can't be driven against the reference, as a sentence; None where it can."""
    try:
        refused = ask_target(reference, [scenario]).get(scenario.name)
    except LoadTasksError as error:
        return str(error)
    if refused is None:
        return None
    return (
        f"reference {reference.url}: {refused_request(refused)}; set LOADTASKS_REFERENCE_TOKEN, or the password of the "
        "Airflow connection performance_reference."
    )


def _calibration(store: Store, run: Run) -> Calibration:
    """What the generator can do on this host: measured before the first scenario that the run measures here."""
    host = socket.gethostname()
    known = run.calibrations.get(host)
    if known is None:
        known = calibrate()
        with suppress(LoadTasksError):  # each measurement holds it as well
            store.save_calibration(run.id, host, known)
    return known
