"""Opening a run: everything that can be wrong is checked before any load is sent."""

import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite

from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.judgement import Verdict
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.scenarios.model import Scenario
from loadtasks.steps.exercise import check_pairing, check_target
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.targets.suites import read_suites


def scenario_names(context: RunContext) -> list[str]:
    """The names of all scenarios of the workspace.

    Raises:
        BadInputError: a scenario file is wrong.
    """
    return list(read_scenarios(context.workspace.scenarios))


def planned_scenarios(context: RunContext, names: Sequence[str] | None, load_factor: float) -> list[Scenario]:
    """The scenarios named, all where none is, with their load multiplied by a factor.

    Raises:
        BadInputError: a scenario file or the factor is wrong, or there is no scenario of a name.
    """
    if not (isfinite(load_factor) and load_factor > 0):
        raise BadInputError(
            f"load factor {load_factor:g}: write a number above 0; 1 is the load of the scenario files."
        )
    chosen = select(read_scenarios(context.workspace.scenarios), names)
    return [scenario.scaled(load_factor) for scenario in chosen]


def open_run(
    context: RunContext,
    *,
    run_id: str,
    trigger: str,
    scenarios: Sequence[str] | None = None,
    load_factor: float = 1.0,
) -> Run:
    """Check everything that can be wrong before load is sent, and open the run.

    If the target is down or refuses the token, the run is kept all the same, every scenario invalid for that reason, so
    that it is reported like any other. A reference that is down is reported by the scenarios.

    Raises:
        BadInputError: a wrong scenario, suite, factor or token; a reference with several processes; a workspace that
            can't be written.
        TargetUnavailableError: the target doesn't respond.
    """
    context.workspace.check_writable()
    chosen = planned_scenarios(context, scenarios, load_factor)
    read_suites(context.workspace.expectations)
    check_pairing(context)
    target, reference = context.target, context.reference
    run = Run(
        id=run_id,
        started_at=datetime.now(UTC),
        trigger=trigger,
        target_url=target.url,
        service=context.service,
        reference_url=reference.url if reference is not None else None,
        load_factor=load_factor,
        scenarios=[scenario.name for scenario in chosen],
        generator=context.settings.generator or socket.gethostname(),
        processes=context.processes,
    )
    with Store.open(context.workspace.results_url) as store:
        store.open_run(run)
        try:
            check_target(target, chosen)
        except LoadTasksError as error:
            failure = MeasurementFailure(code=FindingCode.MEASUREMENT_FAILED, detail=str(error))
            for scenario in run.scenarios:
                store.save_failure(run.id, scenario, failure)
            store.save_verdicts(run.id, judge_run(run.scenarios, [], store.failures(run.id), []))
            store.close_run(run.id, Verdict.INVALID, datetime.now(UTC))
            raise
        versions = {
            "target_version": target.version(),
            "reference_version": reference.version() if reference is not None else None,
        }
        run = run.model_copy(update=versions)
        store.open_run(run)
    return run
