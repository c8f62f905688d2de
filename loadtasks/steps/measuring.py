"""Measuring the scenarios of a run."""

import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtasks.engine.generator.calibration import calibrate
from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.net.target import Target
from loadtasks.errors import BadInputError, LoadTasksError, TargetUnavailableError
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import Failure, FailureCode
from loadtasks.results.pairing import Pairing
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.steps.exercise import measure_scenario
from loadtasks.workspace import Workspace


def measure(
    workspace: Workspace,
    run_id: str,
    scenario: str,
    target: Target,
    on_progress: OnProgress | None = None,
    *,
    processes: int = 1,
    reference: Target | None = None,
) -> list[Measurement]:
    """Run one scenario and keep what it showed; what keeps it from running, or ends the target, is kept beside it.

    `processes` and `reference` are what the run was opened with: over so many the load is shared; beside this it is
    driven, in rounds, and where that can't be done it is measured alone.

    Raises:
        TargetUnavailableError: the target has stopped answering.
        ProcessError: one of several processes broke.
        BadInputError: no such scenario or run, or the results can't be written.
    """
    with Store.open(workspace.results_url) as store:
        try:
            measurements, pairing = exercise(
                workspace, store, run_id, scenario, target, on_progress, processes, reference
            )
        except LoadTasksError as error:
            store.save_failure(run_id, scenario, Failure(code=FindingCode.MEASUREMENT_FAILED, detail=str(error)))
            raise
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            code: FailureCode = FindingCode.INTERRUPTED if interrupted else FindingCode.ENGINE_FAILED
            store.save_failure(run_id, scenario, Failure(code=code, detail=repr(error)))
            raise
        died = death(target)
        try:
            store.save_measurements(run_id, scenario, measurements, died, pairing)
        except LoadTasksError as error:
            raise BadInputError(f"{error} What was measured is kept in {_rescue(run_id, measurements)}.") from error
    if died is not None:
        raise TargetUnavailableError(
            f"the target stopped responding while {scenario} was measured; what was measured is kept, but not judged: "
            f"{died.detail}"
        )
    return measurements


def exercise(
    workspace: Workspace,
    store: Store,
    run_id: str,
    scenario: str,
    target: Target,
    on_progress: OnProgress | None,
    processes: int,
    reference: Target | None = None,
) -> tuple[list[Measurement], Pairing | None]:
    """Run one scenario as its run wants it; gives what it showed, and what its reference did.

    Raises:
        LoadTasksError: it could not be measured.
    """
    run = store.run(run_id)
    (chosen,) = select(read_scenarios(workspace.scenarios), [scenario])
    target.check_alive()
    return measure_scenario(
        chosen.scaled(run.load_factor),
        target,
        on_progress,
        processes=processes,
        reference=reference,
        seed=f"{run.id} {scenario}",
        calibration=_calibration(store, run),
    )


def _calibration(store: Store, run: Run) -> Calibration:
    """What the generator can do on this host: measured before the first scenario that the run has measured here."""
    host = socket.gethostname()
    known = run.calibrations.get(host)
    if known is None:
        known = calibrate()
        store.save_calibration(run.id, host, known)
    return known


def death(target: Target) -> Failure | None:
    """Why a target that was just measured can't be trusted: it no longer responds; None when it does."""
    try:
        target.check_alive()
    except TargetUnavailableError as error:
        return Failure(code=FindingCode.TARGET_STOPPED_RESPONDING, detail=str(error))
    return None


def _rescue(run_id: str, measurements: Sequence[Measurement]) -> Path:
    """Write measurements where the results database could not take them."""
    directory = Path(tempfile.mkdtemp(prefix=f"loadtasks-{run_id}-"))
    for number, measurement in enumerate(measurements):
        (directory / f"{number}.json").write_text(measurement.model_dump_json(indent=1), encoding="utf-8")
    return directory
