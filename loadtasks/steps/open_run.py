"""Opening a run: everything that can be wrong is checked before any load is sent."""

import math
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

from loadtasks.engine.http.probe import read_version
from loadtasks.engine.net.descriptors import allow_sockets
from loadtasks.errors import BadInputError, TargetUnavailableError
from loadtasks.measurement.control import RunControls
from loadtasks.plain_text import plain
from loadtasks.report.sentences import sentence
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios, scaled, select
from loadtasks.scenarios.load import connections_needed
from loadtasks.scenarios.model import Scenario, parts_of
from loadtasks.service_name import slug
from loadtasks.steps.exercise import check_pairing
from loadtasks.steps.judging import read_checked_suites
from loadtasks.steps.preflight import ask_target
from loadtasks.steps.run_context import RunContext


def scenario_names(context: RunContext) -> list[str]:
    """The names of all scenarios of the workspace.

    Raises:
        BadInputError: a scenario file is wrong.
    """
    return list(read_scenarios(context.workspace.scenarios))


def planned_scenarios(context: RunContext, names: Sequence[str] | None, load_factor: float) -> list[Scenario]:
    """The scenarios named, all where none is, with their load multiplied by a factor.

    Raises:
        BadInputError: a scenario file or the factor is wrong, there is no scenario of a name, one needs more
            connections than a process may have, or there is a reference with several processes.
    """
    check_pairing(context)
    planned = scaled(select(read_scenarios(context.workspace.scenarios), names), load_factor)
    builds = 1 if context.reference is None else 2
    for scenario in planned:
        needed = sum(connections_needed(part.load) for part in parts_of(scenario).values())
        allow_sockets(math.ceil(builds * needed / context.processes))
    return planned


def open_run(
    context: RunContext,
    *,
    run_id: str,
    trigger: str,
    scenarios: Sequence[str] | None = None,
    load_factor: float = 1.0,
) -> Run:
    """Check everything that can be wrong before load is sent, and open the run.

    Scenarios that the target refuses are kept with that reason; the others can be measured. If the target is down, that
    is kept as the reason of all. So the run is reported like any other; `scenarios_to_measure` says what is left to
    do. A reference that is down is reported by the scenarios.

    Raises:
        BadInputError: a wrong scenario, suite or factor; a reference with several processes; a workspace that can't be
            written.
    """
    context.workspace.check_writable()
    chosen = planned_scenarios(context, scenarios, load_factor)
    read_checked_suites(context.workspace)
    target, reference, started_at = context.target, context.reference, context.began_at or datetime.now(UTC)
    with Store.open(context.workspace.results_url) as store:
        failures = _failures(context, chosen)
        is_up = len(failures) < len(chosen)
        run = Run(
            id=run_id,
            started_at=started_at,
            trigger=trigger,
            dag_id=context.dag_id,
            dag_run_id=context.dag_run_id,
            target_url=target.url,
            service=context.service,
            target_version=read_version(target) if is_up else None,
            reference_url=reference.url if reference is not None else None,
            reference_version=read_version(reference) if is_up and reference is not None else None,
            load_factor=load_factor,
            scenarios=[scenario.name for scenario in chosen],
            generator=context.settings.generator or socket.gethostname(),
            processes=context.processes,
            controls=RunControls(scenarios=[scenario.name for scenario in chosen if scenario.control]),
        )
        run = store.open_run(run)
        for scenario, failure in failures.items():
            store.save_failure(run.id, scenario, failure)
    return run


def check_slug(context: RunContext) -> None:
    """Check that no other service of the results database has the slug of this one.

    Raises:
        BadInputError: one has.
    """
    with Store.open(context.workspace.results_url) as store:
        services = store.services()
    own = slug(context.service)
    other = next((name for name in services if name != context.service and slug(name) == own), None)
    if other is not None:
        raise BadInputError(
            f"the service {plain(context.service)!r} has the short name {own}, and so has the service {plain(other)!r} "
            "of earlier runs: whoever waits for the verdicts of one would get those of the other. Give one of them "
            "another name; LOADTASKS_SERVICE and the trigger form take it."
        )


def scenarios_to_measure(context: RunContext, run_id: str) -> list[str]:
    """The scenarios of a run that was just opened, without those that can't be measured, in the order planned."""
    with Store.open(context.workspace.results_url) as store:
        failures = store.failures(run_id)
        return [scenario for scenario in store.run(run_id).scenarios if scenario not in failures]


def refusals(context: RunContext, run_id: str) -> dict[str, str]:
    """The scenarios of a run that are not measured since the target refuses them. A sentence for each says why."""
    with Store.open(context.workspace.results_url) as store:
        return {
            scenario: _sentence(failure)
            for scenario, failure in store.failures(run_id).items()
            if failure.code is FindingCode.ACCESS_REFUSED
        }


def check_measurable(context: RunContext, run_id: str) -> None:
    """Check that a scenario is left to measure in a run that was just opened.

    Raises:
        BadInputError: the target refuses every scenario.
        TargetUnavailableError: it is down.
    """
    if scenarios_to_measure(context, run_id):
        return
    with Store.open(context.workspace.results_url) as store:
        first = next(iter(store.failures(run_id).values()))
    if first.code is FindingCode.ACCESS_REFUSED:
        raise BadInputError(f"{context.target.url} refuses every scenario: {_sentence(first)}.")
    raise TargetUnavailableError(first.detail)


def _sentence(failure: MeasurementFailure) -> str:
    return sentence(Finding(code=failure.code, parameters=failure.parameters))


def _failures(context: RunContext, scenarios: Sequence[Scenario]) -> dict[str, MeasurementFailure]:
    """Why scenarios can't be measured, before any load was sent."""
    redactor = context.redactor(*scenarios)
    try:
        with redactor.in_errors():
            refused = ask_target(context.target, scenarios)
    except TargetUnavailableError as error:
        down = MeasurementFailure(code=FindingCode.MEASUREMENT_FAILED, detail=str(error))
        return {scenario.name: down for scenario in scenarios}
    return {
        scenario: MeasurementFailure(code=FindingCode.ACCESS_REFUSED, access=access.without_secrets(redactor))
        for scenario, access in refused.items()
    }
