"""What the lists of runs and the page of a run show, read from the results database."""

from collections.abc import Collection

from loadtasks.errors import NotStoredError
from loadtasks.report import folder
from loadtasks.report.pages.run import RunPage, find_run_news, make_progress
from loadtasks.results.assembly import assemble_measured, assemble_scenario
from loadtasks.results.document import ScenarioResult
from loadtasks.results.judgement import ScenarioVerdict
from loadtasks.results.message import MessageKind
from loadtasks.results.run import Run
from loadtasks.results.run_browser import ListedRun
from loadtasks.results.store import Store
from loadtasks.steps.run_context import RunContext

_RUNS_ON_A_PAGE = 50


def find_listed_run(context: RunContext, run_id: str) -> ListedRun | None:
    """A run by its id; None where there is none."""
    with Store.open(context.workspace.results_url) as store:
        return store.browser.find(run_id)


def run_page(context: RunContext, run_id: str) -> RunPage:
    """The page of a run.

    Raises:
        NotStoredError: there is no run of this id.
    """
    with Store.open(context.workspace.results_url) as store:
        document = assemble_measured(store, run_id)
        listed = store.browser.find(run_id)
        if listed is None:
            raise NotStoredError(f"run {run_id} was deleted meanwhile.")
        neighbours = store.browser.neighbours(listed.run)
        before = _verdicts_before(store, listed.run)
        return RunPage(
            listed=listed,
            document=document,
            neighbours=neighbours,
            news=find_run_news(document, before),
            progress=make_progress(document, store.failures(run_id)),
            is_newest=neighbours.following is None,
            files=_files(context, listed),
        )


def run_scenario(context: RunContext, run_id: str, scenario: str) -> ScenarioResult | None:
    """One scenario of a run, whole; None where the run doesn't have it.

    Raises:
        NotStoredError: there is no run of this id.
    """
    with Store.open(context.workspace.results_url) as store:
        return assemble_scenario(store, run_id, scenario)


def listed_runs(context: RunContext, services: Collection[str], page: int) -> tuple[list[ListedRun], int]:
    """A page of the runs of these services, newest first, and how many pages there are. `page`: from 1."""
    with Store.open(context.workspace.results_url) as store:
        pages = max(1, -(-store.browser.count(services) // _RUNS_ON_A_PAGE))
        offset = (min(page, pages) - 1) * _RUNS_ON_A_PAGE
        return store.browser.listed(services, offset, _RUNS_ON_A_PAGE), pages


def refusal_of(context: RunContext, run_id: str) -> str:
    """Why a run could not be opened, where a message said so; else empty."""
    with Store.open(context.workspace.results_url) as store:
        for message in store.messages.of_run(run_id):
            if message.kind is MessageKind.REFUSAL and message.topics:
                text = getattr(message.topics[0].findings[0].parameters, "text", "")
                return str(text)
    return ""


def _verdicts_before(store: Store, run: Run) -> list[ScenarioVerdict]:
    """The verdicts of the last judged run before a run of its service; none where there is none."""
    previous = store.browser.neighbours(run).previous
    while previous is not None:
        found = store.browser.find(previous)
        if found is None:
            break
        if found.verdict is not None:
            return store.browser.verdicts([previous])[previous]
        previous = store.browser.neighbours(found.run).previous
    return []


def _files(context: RunContext, listed: ListedRun) -> frozenset[str]:
    """The files of a run's report that there are, here or on the disk of a worker: `report_file` makes these anew."""
    run_id = listed.run.id
    if listed.run.ended_at is not None and listed.pruned_at is None:
        return frozenset((folder.PAGE, folder.RESULTS))
    if not folder.is_name(run_id):
        return frozenset()
    reports = context.workspace.reports / run_id
    return frozenset(name for name in (folder.PAGE, folder.RESULTS) if (reports / name).is_file())
