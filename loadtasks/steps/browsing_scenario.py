"""What the page of a scenario shows, read from the results database."""

from dataclasses import dataclass

from loadtasks.report.pages.scenario import MAX_RUNS, ChosenRun, ScenarioPage, failed_runs, of_part
from loadtasks.report.pages.scenario_baseline import RUNS_BEFORE
from loadtasks.report.pages.scenario_history import MAX_DETAILED, ScenarioHistory
from loadtasks.results.assembly import assemble_scenario
from loadtasks.results.regression import AUTOMATIC, grouped, ids_of_groups
from loadtasks.results.store import Store
from loadtasks.steps.browsing import listed_groups
from loadtasks.steps.run_context import RunContext

_MAX_ENDED = 20


@dataclass(frozen=True)
class ScenarioChoice:
    """What a reader wants to see of a scenario."""

    service: str
    scenario: str
    part: str = ""
    """The part of a mixed scenario; empty for the whole."""
    metric: str = "p95_s"
    shown: int = 90
    """How many of the newest runs."""
    run_id: str = ""
    """The run whose distribution is shown; the last one that measured it where it is empty or unknown."""


def scenario_page(context: RunContext, choice: ScenarioChoice, *, may_decide: bool) -> ScenarioPage:
    """The page of a scenario. `may_decide`: whether the reader may decide about the service."""
    service, scenario, part = choice.service, choice.scenario, choice.part
    with Store.open(context.workspace.results_url) as store:
        browser = store.browser
        history = _history(context, store, choice)
        regressions = store.regressions.all(service)
        measured = [run.run_id for run in history.runs if run.measured]
        run_id = choice.run_id if choice.run_id in measured else next(reversed(measured), None)
        groups = [members for members in grouped(regressions) if any(one.scenario == scenario for one in members)]
        listed = listed_groups(store, groups, {service} if may_decide else ())
        return ScenarioPage(
            history=history,
            parts=browser.parts(scenario, measured[-1:]),
            undecided=[one for one in listed if not one.state.ended],
            ended=[one for one in reversed(listed) if one.state.ended][:_MAX_ENDED],
            chosen=_chosen(store, run_id, scenario, part) if run_id is not None else None,
        )


def scenario_history(context: RunContext, choice: ScenarioChoice) -> ScenarioHistory:
    """A metric of a scenario over runs."""
    with Store.open(context.workspace.results_url) as store:
        return _history(context, store, choice)


def scenarios_of(context: RunContext, service: str) -> list[str]:
    """The scenarios that the newest run of a service planned."""
    with Store.open(context.workspace.results_url) as store:
        newest = store.browser.newest_runs(service, 1)
        return newest[0][0].scenarios if newest else []


def _history(context: RunContext, store: Store, choice: ScenarioChoice) -> ScenarioHistory:
    browser, service, scenario, part = store.browser, choice.service, choice.scenario, choice.part
    runs = browser.scenario_runs(service, scenario, part, min(choice.shown + RUNS_BEFORE, MAX_RUNS))
    shown = min(choice.shown, len(runs))
    regressions = store.regressions.all(service)
    approved = next((one for one in store.approvals.current(service) if one.scenario == scenario), None)
    newest = runs[len(runs) - shown :]
    detailed = [run.run_id for run in newest[-MAX_DETAILED:]]
    with_errors = [run.run_id for run in failed_runs(newest) if run.run_id not in detailed]
    return ScenarioHistory(
        service=service,
        scenario=scenario,
        part=part,
        metric=choice.metric,
        runs=runs,
        shown=shown,
        regressions=[one for one in regressions if (one.scenario, one.part) == (scenario, part)],
        names=ids_of_groups(regressions),
        approved_run=approved.run_id if approved is not None and approved.approved_by != AUTOMATIC else None,
        repetitions=browser.repeated_values(service, scenario, part, choice.metric),
        histograms=browser.histograms(scenario, part, detailed),
        details=browser.run_details(scenario, part, [*with_errors, *detailed]),
        min_effect=context.settings.sensitivity.min_effect,
    )


def _chosen(store: Store, run_id: str, scenario: str, part: str) -> ChosenRun | None:
    listed, result = store.browser.find(run_id), assemble_scenario(store, run_id, scenario)
    if listed is None or result is None:  # it was deleted meanwhile
        return None
    return ChosenRun(listed.run, of_part(result, part), listed.pruned_at, listed.verdict is not None)
