"""Measuring the scenarios of a run."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtasks.engine.generator.progress import OnProgress
from loadtasks.errors import BadInputError, LoadTasksError, TargetUnavailableError
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import FailureCode, MeasurementFailure
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.store import Store
from loadtasks.steps.confirm import measure_again
from loadtasks.steps.exercise import exercise_scenario
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict import validity


def measure(
    context: RunContext, run_id: str, scenario: str, on_progress: OnProgress | None = None
) -> list[Measurement]:
    """Measure one scenario and keep its measurements, or the reason why there are none or why they can't be trusted.

    With a reference the scenario is driven in rounds against both; where that can't be done it is measured alone. A
    scenario whose measurement is invalid for a reason that may have passed is measured again at once.

    Raises:
        TargetUnavailableError: the target has stopped responding.
        ProcessError: one of several processes broke.
        BadInputError: no such scenario or run, or the results can't be written.
    """
    with Store.open(context.workspace.results_url) as store:
        try:
            measurements, pairing, lost = exercise_scenario(context, store, run_id, scenario, on_progress)
        except LoadTasksError as error:
            store.save_failure(
                run_id, scenario, MeasurementFailure(code=FindingCode.MEASUREMENT_FAILED, detail=str(error))
            )
            raise
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            code: FailureCode = FindingCode.INTERRUPTED if interrupted else FindingCode.ENGINE_FAILED
            store.save_failure(run_id, scenario, MeasurementFailure(code=code, detail=repr(error)))
            raise
        try:
            store.save_measurements(run_id, scenario, measurements, lost, pairing)
        except LoadTasksError as error:
            raise BadInputError(f"{error} The measurements are in {_rescue(run_id, measurements)}.") from error
    if lost is not None:
        raise TargetUnavailableError(
            f"the target stopped responding while {scenario} was measured; its measurement is kept but not judged: "
            f"{lost.detail}"
        )
    if validity.may_pass(validity.findings(scenario, measurements, {})):
        return measure_again(context, run_id, scenario, RepetitionReason.INVALID, on_progress)
    return measurements


def _rescue(run_id: str, measurements: Sequence[Measurement]) -> Path:
    """Write measurements to a new folder where the results database could not take them."""
    folder = Path(tempfile.mkdtemp(prefix=f"loadtasks-{run_id}-"))
    for number, measurement in enumerate(measurements):
        (folder / f"{number}.json").write_text(measurement.model_dump_json(indent=1), encoding="utf-8")
    return folder
