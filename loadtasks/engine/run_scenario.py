"""One scenario run against a target: its measurement, and one for each part of a mixed scenario."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from loadtasks.engine.generator.driver import Generated, Work, generate
from loadtasks.engine.generator.health import health
from loadtasks.engine.generator.processes import generate_together
from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.shares import most_processes
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.health import Calibration, Health
from loadtasks.measurement.model import Measurement, Protocol
from loadtasks.scenarios.canonical import scenario_hash
from loadtasks.scenarios.identity import identified
from loadtasks.scenarios.load_data import load_data
from loadtasks.scenarios.model import HttpScenario, Scenario, parts_of


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
        processes: over how many the load is shared; fewer are used where there is not enough to share.
        calibration: what one process can do at best; it is kept with the measurement.

    Raises:
        BadInputError: the target's certificates can't be verified with what is there, or this process may not open as
            many files as the load has WebSockets.
        ProcessError: one of several processes broke.
    """
    number = min(processes, most_processes(scenario))
    sent = identified(scenario, uuid4().hex)
    works = [Work(sent, target, each, number, calibration) for each in range(number)]
    generated = [generate(works[0], on_progress)] if number == 1 else generate_together(works, on_progress)
    parts = parts_of(scenario)
    recorders = {
        kind: Recorder.merged(
            generated_load.recorders[kind] for generated_load in generated if kind in generated_load.recorders
        )
        for kind in parts
    }
    whole = Recorder.merged(recorders.values())
    fitness = _fitness(generated, whole, calibration)
    return measurements(
        scenario, whole, recorders, min(generated_load.started_at for generated_load in generated), fitness
    )


def measurements(
    scenario: Scenario,
    whole: Recorder,
    recorders: Mapping[str, Recorder],
    started_at: datetime,
    fitness: Health,
    *,
    paired: bool = False,
) -> list[Measurement]:
    """The measurement of a scenario, then those of its parts. `paired`: in rounds with a reference."""

    def measured(recorder: Recorder, of: Scenario, kind: str) -> Measurement:
        return recorder.measurement(
            scenario=scenario.name,
            part=kind,
            endpoint=of.endpoint,
            protocol=_protocol(of),
            scenario_hash=scenario_hash(of),
            load=load_data(of) | ({"paired": True} if paired else {}),
            started_at=started_at,
            health=fitness,
        )

    return [
        measured(whole, scenario, ""),
        *(measured(recorders[kind], part, kind) for kind, part in parts_of(scenario).items() if kind),
    ]


def _protocol(scenario: Scenario) -> Protocol:
    http = any(isinstance(part, HttpScenario) for part in parts_of(scenario).values())
    return Protocol.HTTP if http else Protocol.WEBSOCKET


def _fitness(generated: Sequence[Generated], whole: Recorder, calibration: Calibration | None) -> Health:
    """The generator's health: each of its processes has to be healthy, since an average hides the one that was not."""
    together = health([generated_load.observation for generated_load in generated], whole, calibration)
    if len(generated) == 1:
        return together
    saturation = [
        reason.model_copy(update={"process": number})
        for number, share in enumerate(generated, 1)
        for reason in health([share.observation], Recorder.merged(share.recorders.values()), calibration).saturation
    ]
    return together.model_copy(update={"saturation": saturation})
