"""What is measured of the load generator's own machine in each run: its calibration, and samples of the null server."""

import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from loadtasks.engine.generator.calibration import sample_null_server
from loadtasks.errors import LoadTasksError
from loadtasks.measurement.control import ControlSample
from loadtasks.measurement.health import Calibration
from loadtasks.results.run import Run
from loadtasks.results.store import Store

MAX_SAMPLES = 4
"""Of a run on one host, the calibration included: about two seconds in all."""
_BETWEEN = timedelta(seconds=20)
"""At least so long after a sample the next one is made, so that they show the run and not its beginning."""


def calibrated(store: Store, run: Run, calibrate: Callable[[], Calibration]) -> Calibration:
    """What the generator can do on this host: measured before the first scenario that the run measures here.

    Before later ones, the null server is sampled now and then: a control has to show the whole run. A run with a
    reference needs none, since both builds meet the same environment.

    Args:
        store: of the results database.
        run: as it is stored now.
        calibrate: measures the generator.

    Raises:
        OSError: no process can be started.
    """
    host, now = socket.gethostname(), datetime.now(UTC)
    known = run.calibrations.get(host)
    if known is None:
        known = calibrate()
        with suppress(LoadTasksError):  # each measurement holds it as well
            store.save_calibration(run.id, host, known)
        _keep(store, run, host, known.round_trip_s, known.connect_s)
        return known
    taken = [sample.at for sample in run.controls.samples if sample.host == host]
    if len(taken) < MAX_SAMPLES and now - max(taken, default=now) >= _BETWEEN:
        with suppress(OSError):  # no process could be started: the scenario is measured all the same
            _keep(store, run, host, *sample_null_server())
    return known


def _keep(store: Store, run: Run, host: str, round_trip_s: float | None, connect_s: float | None) -> None:
    if round_trip_s is None or run.reference_url is not None:
        return
    sample = ControlSample(
        host=host, at=datetime.now(UTC), round_trip_s=round_trip_s, on_one_cpu=True, connect_s=connect_s
    )
    with suppress(LoadTasksError):  # a run without a control is a run all the same
        store.add_control_sample(run.id, sample)
