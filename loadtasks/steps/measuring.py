"""Measuring the scenarios of a run."""

from contextlib import suppress

from loadtasks.engine.generator.progress import OnProgress
from loadtasks.errors import LoadTasksError, TargetUnavailableError
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import FailureCode, MeasurementFailure
from loadtasks.results.repetitions import Repetition
from loadtasks.results.store import Store
from loadtasks.steps.confirm import repeat_if_invalid
from loadtasks.steps.exercise import exercise_scenario
from loadtasks.steps.rescue import MeasuredRepetition, save_or_rescue
from loadtasks.steps.run_context import RunContext


def measure(
    context: RunContext, run_id: str, scenario: str, on_progress: OnProgress | None = None
) -> list[Measurement]:
    """Measure one scenario and keep its measurements, or the reason why there are none or why they can't be trusted.

    With a reference the scenario is driven in rounds against both; where that can't be done it is measured alone. A
    scenario whose measurement is invalid for a reason that may have passed is measured again at once.

    Raises:
        TargetUnavailableError: the target has stopped responding.
        ProcessError: one of several processes broke.
        BadInputError: no such scenario or run.
        NotKeptError: the results database can't take the measurements, which are in files now.
    """
    with Store.open(context.workspace.results_url, patient=True) as store:
        run = store.run(run_id)
        try:
            measurements, pairing, lost = exercise_scenario(context, store, run_id, scenario, on_progress)
        except LoadTasksError as error:
            _keep_failure(store, run_id, scenario, FindingCode.MEASUREMENT_FAILED, str(error))
            raise
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            code: FailureCode = FindingCode.INTERRUPTED if interrupted else FindingCode.ENGINE_FAILED
            _keep_failure(store, run_id, scenario, code, repr(error))
            raise
        first = Repetition(number=1, measurements=measurements)
        measured = MeasuredRepetition(run=run, scenario=scenario, repetition=first, failure=lost, pairing=pairing)
        save_or_rescue(context, store, measured)
    if lost is not None:
        raise TargetUnavailableError(
            f"the target stopped responding while {scenario} was measured; its measurement is kept but not judged: "
            f"{lost.detail}"
        )
    return repeat_if_invalid(context, run_id, scenario, measurements, on_progress)


def _keep_failure(store: Store, run_id: str, scenario: str, code: FailureCode, detail: str) -> None:
    """Keep why a scenario has no measurement. Where that can't be kept it is invalid all the same."""
    with suppress(LoadTasksError):
        store.save_failure(run_id, scenario, MeasurementFailure(code=code, detail=detail))
