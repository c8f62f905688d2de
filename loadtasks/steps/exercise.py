"""How a scenario is driven: alone, or in rounds against a reference; and what is checked before any load is sent."""

import socket
from collections.abc import Sequence
from contextlib import suppress

from loadtasks.engine.generator.calibration import calibrate
from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.net.metrics_reader import compare_metrics, read_metrics
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_paired import RoundPlan, TargetPair, run_paired
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.errors import BadInputError, LoadTasksError, TargetUnavailableError
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.pairing import Pairing
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.scenarios.model import HttpScenario, Scenario, first_request
from loadtasks.steps.run_context import RunContext


def check_target(target: Target, scenarios: Sequence[Scenario]) -> None:
    """Check that a target responds and accepts the token for the scenarios' paths.

    Raises:
        BadInputError: the token is missing or not accepted.
        TargetUnavailableError: the target doesn't respond.
    """
    target.check_alive()
    requests = (first_request(scenario) for scenario in scenarios)
    for path in dict.fromkeys(request.path for request in requests if request is not None):
        target.check_admitted(path)


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
) -> tuple[list[Measurement], Pairing | None]:
    """Drive one scenario of a run with the load of that run. Gives the measurements and those of the reference.

    Raises:
        LoadTasksError: the scenario could not be measured.
    """
    run = store.run(run_id)
    (chosen,) = select(read_scenarios(context.workspace.scenarios), [scenario])
    context.target.check_alive()
    return drive(context, chosen.scaled(run.load_factor), _calibration(store, run), f"{run.id} {scenario}", on_progress)


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
    own = compare_metrics(context.target, before, after)
    return [measurements[0].model_copy(update={"target_metrics": own}), *measurements[1:]], pairing


def target_lost(target: Target) -> MeasurementFailure | None:
    """Why what a target has just shown can't be trusted: it no longer responds. None when it does."""
    try:
        target.check_alive()
    except TargetUnavailableError as error:
        return MeasurementFailure(code=FindingCode.TARGET_STOPPED_RESPONDING, detail=str(error))
    return None


def _paired_or_alone(
    context: RunContext, scenario: Scenario, calibration: Calibration, seed: str, on_progress: OnProgress | None
) -> tuple[list[Measurement], Pairing | None]:
    fixed_number = isinstance(scenario, HttpScenario) and not scenario.scales  # can't be cut into rounds
    if context.reference is None or fixed_number:
        alone = run_scenario(
            scenario, context.target, on_progress, processes=context.processes, calibration=calibration
        )
        return alone, None
    try:
        check_target(context.reference, [scenario])
    except LoadTasksError as error:
        return run_scenario(scenario, context.target, on_progress, calibration=calibration), Pairing(problem=str(error))
    targets = TargetPair(context.target, context.reference)
    plan = RoundPlan(context.round_budget.more_rounds, seed, context.round_budget.seconds)
    paired = run_paired(scenario, targets, plan, on_progress, calibration=calibration)
    if paired.lost is not None:
        return paired.candidate, Pairing(problem=paired.lost)
    return paired.candidate, Pairing(reference=paired.reference, round_ratios=paired.round_ratios)


def _calibration(store: Store, run: Run) -> Calibration:
    """What the generator can do on this host: measured before the first scenario that the run measures here."""
    host = socket.gethostname()
    known = run.calibrations.get(host)
    if known is None:
        known = calibrate()
        with suppress(LoadTasksError):  # each measurement holds it as well
            store.save_calibration(run.id, host, known)
    return known
