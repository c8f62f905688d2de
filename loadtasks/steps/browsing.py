"""What the pages show, read from the results database."""

from collections.abc import Collection, Sequence

from loadtasks.errors import NotStoredError
from loadtasks.report.pages.overview import COLUMNS, ServiceOverview, make_service_overview
from loadtasks.report.pages.regressions import ListedRegression, RegressionPage, make_listed, make_page
from loadtasks.report.pages.scenario_baseline import RUNS_BEFORE, ScenarioBaselines
from loadtasks.results.regression import Regression, grouped
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.steps.run_context import RunContext


def services_of_dags(context: RunContext) -> dict[str, set[str | None]]:
    """The services that have runs, the one of the newest run first, and the DAGs that made these.

    None stands for runs of the command line, and for those that an older version stored.
    """
    with Store.open(context.workspace.results_url) as store:
        return store.browser.dags()


def overview(context: RunContext, services: Sequence[str], last: int) -> list[ServiceOverview]:
    """What the overview shows of each of these services, of so many of its last runs."""
    with Store.open(context.workspace.results_url) as store:
        known = store.regressions.all()
        min_effect = context.settings.sensitivity.min_effect
        return [
            _service(store, service, last, [one for one in known if one.service == service], min_effect)
            for service in services
        ]


def listed_regressions(
    context: RunContext, services: Collection[str], *, ended: bool, decidable: Collection[str] = ()
) -> list[ListedRegression]:
    """The regressions of these services, newest first; those that are over as well where `ended` says so.

    `decidable`: the services about whose regressions the reader may decide.
    """
    with Store.open(context.workspace.results_url) as store:
        groups = [
            members
            for members in grouped(store.regressions.all())
            if members[0].service in services and (ended or _is_undecided(members))
        ]
        return listed_groups(store, groups, decidable)


def service_of_regression(context: RunContext, number: int) -> str:
    """The service that a regression belongs to.

    Raises:
        NotStoredError: there is no regression of this id.
    """
    with Store.open(context.workspace.results_url) as store:
        return store.regressions.find(number).service


def service_of_run(context: RunContext, run_id: str) -> str:
    """The service that a run exercised.

    Raises:
        NotStoredError: there is no run of this id.
    """
    with Store.open(context.workspace.results_url) as store:
        return store.run(run_id).service


def last_dag_run(context: RunContext, service: str, dag_ids: Collection[str]) -> Run | None:
    """The newest run of a service that one of these DAGs made; None where there is none."""
    with Store.open(context.workspace.results_url) as store:
        return store.browser.newest_of_dags(service, dag_ids)


def regression_page(context: RunContext, number: int, *, may_decide: bool) -> RegressionPage:
    """The page of a regression, which people know by its id or by that of the first of those that it is one with.

    Raises:
        NotStoredError: there is no regression of this id.
    """
    with Store.open(context.workspace.results_url) as store:
        members = store.regressions.group_of(number)
        decidable = {members[0].service} if may_decide else ()
        (one,) = listed_groups(store, [members], decidable)
        found_run = members[0].found_run
        try:
            found_in = store.run(found_run), store.browser.verdicts([found_run])[found_run]
        except NotStoredError:  # it was deleted
            found_in = None
        return make_page(one, found_in)


def listed_groups(
    store: Store, groups: Sequence[list[Regression]], decidable: Collection[str]
) -> list[ListedRegression]:
    """Regressions as people know them, in the order given. `decidable`: services that the reader may decide about."""
    started = store.browser.started([members[0].first_run for members in groups])
    verdicts = store.browser.verdicts([members[0].found_run for members in groups])
    return [
        make_listed(members, started.get(members[0].first_run), verdicts, may_decide=members[0].service in decidable)
        for members in groups
    ]


def _is_undecided(members: Sequence[Regression]) -> bool:
    """Whether people may still decide about a regression."""
    return any(not one.state.ended for one in members)


def _service(store: Store, service: str, last: int, known: Sequence[Regression], min_effect: float) -> ServiceOverview:
    runs = store.browser.newest_runs(service, last)
    judged = next((run.id for run, verdict in reversed(runs) if verdict is not None), None)
    approved = store.browser.approved_by_people(service)
    of_scenarios = store.browser.runs_of_service(service, last + RUNS_BEFORE, COLUMNS)
    measured = {
        scenario: ScenarioBaselines(
            of_scenario,
            regressions=[one for one in known if (one.scenario, one.part) == (scenario, "")],
            approved_run=approved.get(scenario),
            min_effect=min_effect,
        )
        for scenario, of_scenario in of_scenarios.items()
    }
    return make_service_overview(
        runs,
        measured,
        store.browser.verdicts([judged] if judged is not None else []),
        [members for members in grouped(known) if _is_undecided(members)],
        store.browser.target_findings([run.id for run, _ in runs]),
    )
