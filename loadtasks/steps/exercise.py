"""How a scenario is driven: alone, or in rounds against a reference; and whether the target responds after it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from loadtasks.engine.generator.calibration import calibrate
from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.http.metrics_reader import compare_metrics, read_metrics
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_paired import PairedRun, TargetPair
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.errors import BadInputError, ExitCode, LoadTasksError, TargetUnavailableError
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.redaction.redactor import Redactor
from loadtasks.report.sentences.validity import refused_request
from loadtasks.results.beginnings import Beginning
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.pairing import Pairing
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.scenarios.model import HttpScenario, Scenario, uses_up_rows
from loadtasks.steps import controls
from loadtasks.steps.preflight import ask_target, usual_page_is_silent
from loadtasks.steps.run_context import RunContext
from loadtasks.steps.turns import Turn


class Exercised(NamedTuple):
    """What driving a scenario showed."""

    measurements: list[Measurement]
    """The whole first, then the parts of a mixed scenario."""
    pairing: Pairing | None
    """What the reference showed; None where there is none."""
    lost: MeasurementFailure | None
    """Why the measurements can't be trusted: the target stopped responding. None where it responds."""


class NotMeasuredAgainError(LoadTasksError):
    """This try must not measure, or must not keep what it measured; what the run has of the scenario stands."""

    exit_code = ExitCode.INVALID


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
    context: RunContext,
    store: Store,
    run_id: str,
    turn: Turn,
    on_progress: OnProgress | None,
) -> Exercised:
    """Drive one scenario of a run with the load of that run, and see whether the target still responds after it.

    That its load is about to be sent is kept before, so that the run knows of a measurement whose process died. With a
    reference its rounds go on where its last turn ended; what comes back is of all turns.

    Raises:
        NotMeasuredAgainError: it uses up rows and was begun before; or another try began since.
        TargetUnavailableError: the target doesn't respond, and no load was sent.
        LoadTasksError: the scenario could not be measured for another reason.
    """
    run, scenario = store.run(run_id), turn.scenario
    (chosen,) = select(read_scenarios(context.workspace.scenarios), [scenario])
    repeatable = not uses_up_rows(chosen)
    if not (repeatable or turn.is_begun) and scenario in store.beginnings(run_id):
        raise NotMeasuredAgainError(
            f"{scenario} was begun in run {run_id} before and is not measured again: it uses up rows of its feeder and "
            "would meet what it made or deleted; restore its rows and start a new run."
        )
    with context.redactor(chosen).in_errors():
        silent = usual_page_is_silent(context.target)
        calibration = controls.calibrated(store, run, calibrate)
        with _begun(store, run_id, scenario, repeatable=repeatable):
            measurements, pairing = drive(context, chosen.scaled(run.load_factor), calibration, turn, on_progress)
    return Exercised(measurements, pairing, _lost(context.target, silent_before=silent is not None))


def drive(
    context: RunContext,
    scenario: Scenario,
    calibration: Calibration,
    turn: Turn,
    on_progress: OnProgress | None = None,
) -> tuple[list[Measurement], Pairing | None]:
    """Drive a scenario. Gives the whole and its parts, and what the reference showed; None where there is none.

    The first measurement holds what the target's own metrics say about that time. If the reference is down or stops
    responding, the scenario is measured alone and the pairing says why. Rounds are driven for a `turn`; what comes back
    is of all turns so far.

    Raises:
        LoadTasksError: the scenario could not be measured.
    """
    before = read_metrics(context.target)
    measurements, pairing = _paired_or_alone(context, scenario, calibration, turn, on_progress)
    after = read_metrics(context.target)
    redactor = context.redactor(scenario)
    own = turn.keep_own_metrics(compare_metrics(context.target, before, after, redactor))
    if pairing is not None and pairing.problem is not None:
        pairing = pairing.model_copy(update={"problem": redactor(pairing.problem)})
    return [measurements[0].model_copy(update={"target_metrics": own}), *measurements[1:]], pairing


@contextmanager
def _begun(store: Store, run_id: str, scenario: str, *, repeatable: bool) -> Iterator[None]:
    """Keep that a scenario's load is about to be sent, and see at its end whether another try began meanwhile.

    Airflow takes a task whose process has lost its supervisor for dead, and tries it again, while the process may still
    be at work. What that one measured is not kept, and the other try is known to be disturbed. Where the database can't
    be used for the moment, the scenario is measured all the same.

    Raises:
        NotMeasuredAgainError: another try began since.
    """
    own = Beginning.now(repeatable=repeatable)
    try:
        store.begin(run_id, scenario, own)
    except LoadTasksError:
        yield
        return
    try:
        yield
    finally:
        newest = own
        with suppress(LoadTasksError):
            newest = store.beginnings(run_id)[scenario]
            if newest.id != own.id:
                store.disturb(run_id, scenario)
        if newest.id != own.id:
            raise NotMeasuredAgainError(
                f"another task began to measure {scenario} of run {run_id} on {newest.host} while this one was still "
                "at work: what this one measured is not kept, and the other's measurement is disturbed."
            )


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
    context: RunContext,
    scenario: Scenario,
    calibration: Calibration,
    turn: Turn,
    on_progress: OnProgress | None,
) -> tuple[list[Measurement], Pairing | None]:
    fixed_number = isinstance(scenario, HttpScenario) and not scenario.scales  # can't be cut into rounds
    if context.reference is None or fixed_number or scenario.control:  # a control is of neither build
        alone = run_scenario(
            scenario, context.target, on_progress, processes=context.processes, calibration=calibration
        )
        return alone, None
    targets = TargetPair(context.target, context.reference)
    if turn.paired is None:
        problem = _problem_of_reference(context.reference, scenario)
        if problem is not None:
            alone = run_scenario(scenario, context.target, on_progress, calibration=calibration)
            return alone, Pairing(problem=problem)
        turn.paired = PairedRun(scenario, targets, turn.seed)
    turn.paired.move(targets, turn.start)
    turn.drive(on_progress)
    paired = turn.paired.measured(calibration)
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
