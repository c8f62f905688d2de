"""One scenario run against a target: its measurement, and one for each part of a mixed scenario."""

from uuid import uuid4

from loadtasks.engine.generator.driver import Work, generate
from loadtasks.engine.generator.health import health
from loadtasks.engine.generator.processes import generate_together
from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.shares import max_processes
from loadtasks.engine.recording.measurements import RecordedLoad, measurements
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.identity import identified
from loadtasks.scenarios.model import Scenario, parts_of
from loadtasks.scenarios.secrets import secrets_of


def run_scenario(
    scenario: Scenario,
    target: Target,
    on_progress: OnProgress | None = None,
    *,
    processes: int = 1,
    calibration: Calibration | None = None,
) -> list[Measurement]:
    """Run one scenario to its end. Returns the whole first, then the parts of a mixed scenario.

    What goes wrong with the target is measured, never raised.

    Args:
        scenario: what is sent.
        target: where it is sent.
        on_progress: called twice a second and at the end; with one process on its event loop, so it has to be quick.
        processes: how many share the load; fewer are used where there is not enough to share.
        calibration: what one process can do at best; it is kept with the measurement.

    Raises:
        BadInputError: the target's certificates can't be verified with the CA bundle that the environment names, or
            this process may not open as many files as the load has WebSockets.
        ProcessError: one of several processes broke.
    """
    number = min(processes, max_processes(scenario))
    sent = identified(scenario, uuid4().hex)
    works = [Work(sent, target, process, number, calibration) for process in range(number)]
    generated = [generate(works[0], on_progress)] if number == 1 else generate_together(works, on_progress)
    parts = {
        part: Recorder.merged(process.recorders[part] for process in generated if part in process.recorders)
        for part in parts_of(scenario)
    }
    recorded = RecordedLoad.of(min(process.started_at for process in generated), parts)
    seen = [(process.observation, process.recorder) for process in generated]
    return measurements(scenario, recorded, health(seen, calibration), Redactor(target.secrets | secrets_of(sent)))
