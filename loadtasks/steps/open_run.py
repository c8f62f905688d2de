"""Opening a run: everything that can be wrong is looked at before any load is sent."""

import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

from loadtasks import __version__
from loadtasks.engine.net.target import Target
from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import Failure
from loadtasks.results.judgement import Verdict
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.steps.exercise import check_rounds, check_target
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.targets.suites import read_suites
from loadtasks.workspace import Workspace


def scenario_names(workspace: Workspace) -> list[str]:
    """The names of all scenarios of the workspace.

    Raises:
        BadInputError: a scenario file is wrong.
    """
    return list(read_scenarios(workspace.scenarios))


def open_run(
    workspace: Workspace,
    target: Target,
    *,
    run_id: str,
    trigger: str,
    scenarios: Sequence[str] | None = None,
    load_factor: float = 1.0,
    processes: int = 1,
    reference: Target | None = None,
) -> Run:
    """Check everything that can be wrong before load is sent, and open the run.

    When the target is down or refuses the token, the run is kept all the same, every scenario invalid for that reason,
    so that it is reported and told like any other. A `reference` that is down is told by the scenarios.

    Raises:
        BadInputError: a wrong scenario, suite, factor, budget or token; a reference with several processes; a workspace
            that can't be written.
        TargetUnavailableError: the target doesn't answer.
    """
    workspace.check_writable()
    chosen = select(read_scenarios(workspace.scenarios), scenarios)
    read_suites(workspace.expectations)
    if not load_factor > 0:
        raise BadInputError(f"load factor {load_factor:g}: it must be above 0; 1 is the load of the scenario files.")
    if reference is not None:
        check_rounds(processes)
    run = Run(
        id=run_id,
        started_at=datetime.now(UTC),
        trigger=trigger,
        target_url=target.url,
        reference_url=reference.url if reference is not None else None,
        load_factor=load_factor,
        scenarios=[scenario.name for scenario in chosen],
        generator=_generator(processes),
    )
    with Store.open(workspace.results_url) as store:
        store.open_run(run)
        try:
            check_target(target, chosen)
        except LoadTasksError as error:
            failure = Failure(code=FindingCode.MEASUREMENT_FAILED, detail=str(error))
            for scenario in run.scenarios:
                store.save_failure(run.id, scenario, failure)
            store.save_verdicts(run.id, judge_run(run.scenarios, [], store.failures(run.id), []))
            store.close_run(run.id, Verdict.INVALID, datetime.now(UTC))
            raise
        beside = reference.version() if reference is not None else None
        run = run.model_copy(update={"target_version": target.version(), "reference_version": beside})
        store.open_run(run)
    return run


def _generator(processes: int) -> str:
    """Host, version and processes of the generator: the part of a run's fingerprint that tells what made the load."""
    name = f"{os.environ.get('LOADTASKS_GENERATOR') or socket.gethostname()}, loadtasks {__version__}"
    return name if processes == 1 else f"{name}, {processes} processes"
