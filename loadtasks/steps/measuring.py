"""Measuring the scenarios of a run."""

from contextlib import suppress

from loadtasks.engine.generator.processes import BrokenProcessError, ProcessError
from loadtasks.engine.generator.progress import OnProgress
from loadtasks.errors import LoadTasksError, TargetUnavailableError
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import FailureCode, MeasurementFailure
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.model import uses_up_rows
from loadtasks.steps.exercise import NotMeasuredAgainError, exercise_scenario
from loadtasks.steps.rescue import MeasuredRepetition, save_or_rescue
from loadtasks.steps.run_context import RunContext
from loadtasks.steps.turns import Turn
from loadtasks.verdict import validity


def measure(
    context: RunContext, run_id: str, scenario: str, on_progress: OnProgress | None = None, turn: Turn | None = None
) -> list[Measurement]:
    """Measure one scenario and keep its measurements, or the reason why there are none or why they can't be trusted.

    With a reference the scenario is driven in rounds against both; where that can't be done it is measured alone. A
    scenario whose measurement is invalid for a reason that may have passed is repeated at once. What an earlier
    try kept is replaced. With a `turn` its rounds are driven for that turn, and what is kept is of all turns so far;
    nothing is repeated at once.

    Raises:
        TargetUnavailableError: the target doesn't respond, or has stopped responding.
        ProcessError: one of several processes broke.
        NotMeasuredAgainError: the scenario uses up rows and was begun before, or another try began since; what the run
            has of it stands.
        BadInputError: no such scenario or run.
        NotKeptError: the results database can't take the measurements, which are in files now.
    """
    with Store.open(context.workspace.results_url, patient=True) as store:
        run = store.run(run_id)
        driven = turn or Turn.only(scenario, run_id, context.round_budget)
        try:
            measurements, pairing, lost = exercise_scenario(context, store, run_id, driven, on_progress)
        except NotMeasuredAgainError:
            raise
        except BaseException as error:
            detail = str(error) if isinstance(error, LoadTasksError) else repr(error)
            _keep_failure(store, run_id, scenario, MeasurementFailure(code=_failure_code(error), detail=detail))
            raise
        first = Repetition(number=1, measurements=measurements)
        measured = MeasuredRepetition(run=run, scenario=scenario, repetition=first, failure=lost, pairing=pairing)
        save_or_rescue(context, store, measured)
    if lost is not None:
        raise TargetUnavailableError(
            f"the target stopped responding while {scenario} was measured; its measurement is kept but not judged: "
            f"{lost.detail}"
        )
    if turn is not None:
        return measurements
    return _repeat_if_invalid(context, run_id, scenario, measurements, on_progress)


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
        turn = Turn.only(scenario, run_id, context.round_budget)
        measurements, pairing, lost = exercise_scenario(context, store, run_id, turn, on_progress)
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


def scenarios_repeatable(context: RunContext) -> dict[str, bool]:
    """The scenarios of the workspace: whether their requests can be sent once more, since they use up no rows."""
    return {name: not uses_up_rows(known) for name, known in read_scenarios(context.workspace.scenarios).items()}


def _repeat_if_invalid(
    context: RunContext, run_id: str, scenario: str, measurements: list[Measurement], on_progress: OnProgress | None
) -> list[Measurement]:
    """Repeat a scenario at once if its measurement is invalid for a reason that may have passed.

    Gives the measurements of the reported repetition.

    Raises:
        As `measure_again`.
    """
    may_pass = validity.may_pass(validity.findings(scenario, measurements, {}))
    if not may_pass or not scenarios_repeatable(context).get(scenario):
        return measurements
    return measure_again(context, run_id, scenario, RepetitionReason.INVALID, on_progress)


def _is_valid(scenario: str, measurements: list[Measurement]) -> bool:
    return not validity.findings(scenario, measurements, {})


def _failure_code(error: BaseException) -> FailureCode:
    """What a scenario's missing measurement is put down to."""
    if isinstance(error, TargetUnavailableError):
        return FindingCode.TARGET_NOT_RESPONDING
    if isinstance(error, ProcessError) and not isinstance(error, BrokenProcessError):
        return FindingCode.GENERATOR_PROCESS_DIED
    if isinstance(error, LoadTasksError):
        return FindingCode.MEASUREMENT_FAILED
    if isinstance(error, KeyboardInterrupt):
        return FindingCode.INTERRUPTED
    # Whoever ends a function from outside, such as Airflow at a time limit, raises what no handler catches.
    return FindingCode.ENGINE_FAILED if isinstance(error, Exception) else FindingCode.MEASUREMENT_STOPPED


def _keep_failure(store: Store, run_id: str, scenario: str, failure: MeasurementFailure) -> None:
    """Keep why a scenario has no measurement. Where that can't be kept it is invalid all the same."""
    with suppress(LoadTasksError):
        store.save_failure(run_id, scenario, failure)
