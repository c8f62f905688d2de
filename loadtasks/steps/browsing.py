"""What the pages show, read from the results database."""

from collections.abc import Collection, Sequence

from loadtasks.report.pages.overview import OpenRegression, ServiceOverview, make_service_overview
from loadtasks.results.regression import Regression, grouped
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
        undecided = [members for members in grouped(store.regressions.all()) if _is_undecided(members)]
        return [_service(store, service, last, undecided) for service in services]


def listed_regressions(
    context: RunContext, services: Collection[str], *, ended: bool, decidable: Collection[str] = ()
) -> list[OpenRegression]:
    """The regressions of these services, newest first; those that are over as well where `ended` says so.

    `decidable`: the services about whose regressions the reader may decide.
    """
    with Store.open(context.workspace.results_url) as store:
        groups = [
            members
            for members in grouped(store.regressions.all())
            if members[0].service in services and (ended or _is_undecided(members))
        ]
        started = store.browser.started([members[0].first_run for members in groups])
        return [
            OpenRegression(members, started.get(members[0].first_run), members[0].service in decidable)
            for members in groups
        ]


def _is_undecided(members: Sequence[Regression]) -> bool:
    """Whether people may still decide about a regression; also about one that was accepted automatically."""
    return any(not one.state.ended or one.accepted_automatically_in is not None for one in members)


def _service(store: Store, service: str, last: int, undecided: list[list[Regression]]) -> ServiceOverview:
    runs = store.browser.newest_runs(service, last)
    judged = next((run.id for run, verdict in reversed(runs) if verdict is not None), None)
    return make_service_overview(
        runs,
        store.browser.values([run.id for run, _ in runs]),
        store.browser.verdicts([judged] if judged is not None else []),
        [members for members in undecided if members[0].service == service],
    )
