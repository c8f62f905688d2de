"""What the page of two runs shows, read from the results database."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from loadtasks.errors import BadInputError
from loadtasks.report.pages.comparison import REFERENCE, ComparePage, RunChoices, find_differences
from loadtasks.results.assembly import assemble_measured
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.other_run import AllowanceSource
from loadtasks.results.fingerprint import Difference, Fingerprint
from loadtasks.results.present_database import PresentSeries
from loadtasks.results.regression import Regression, RegressionState, grouped
from loadtasks.results.run import Run
from loadtasks.results.run_browser import ListedRun
from loadtasks.results.store import Store
from loadtasks.steps.browsing import listed_groups
from loadtasks.steps.compare_files import comparable_runs
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict.compare_documents import compare_documents
from loadtasks.verdict.file_pairs import PastRuns
from loadtasks.verdict.history.baselines import MAX_BASELINE_RUNS

_MAX_OFFERED = 60
"""How many runs, and how many versions, a picker offers; others are chosen by their date."""
_PAST_RUNS = MAX_BASELINE_RUNS + 30
"""So many of the newest runs are searched for those that say how much two runs of one build differ."""


def run_on(context: RunContext, service: str, day: datetime) -> str | None:
    """The id of the last run of a service that started on a day or before it; None without any run."""
    with Store.open(context.workspace.results_url) as store:
        run = store.browser.last_until(service, day + timedelta(days=1))
        return run.id if run is not None else None


def default_pair(context: RunContext, service: str, run_id: str = "") -> tuple[str, str] | None:
    """A run of a service, the last judged one where none is named, and the judged run before it.

    None where the service has fewer than two runs.
    """
    with Store.open(context.workspace.results_url) as store:
        newest = store.browser.newest_runs(service, _MAX_OFFERED)
        judged = [run.id for run, verdict in newest if verdict is not None and run.id != run_id]
        if run_id:
            own = store.run(run_id)
            before = store.browser.neighbours(own).previous
            return (run_id, before or judged[-1]) if before or judged else None
        return (judged[-1], judged[-2]) if len(judged) > 1 else None


def compare_page(context: RunContext, run_id: str, other_id: str, scenario: str, part: str) -> ComparePage:
    """The page of two runs.

    Args:
        context: what all steps share.
        run_id: the run that is compared.
        other_id: the run that it is compared with, or `REFERENCE`.
        scenario: the scenario whose distributions are shown; empty for the one that differs most.
        part: its part.

    Raises:
        BadInputError: there is no run of one of these ids.
    """
    with Store.open(context.workspace.results_url) as store:
        now = _found(store, run_id)
        service = now.run.service
        choices = RunChoices(
            runs=store.browser.listed([service], 0, _MAX_OFFERED),
            versions=store.browser.newest_of_versions(service, _MAX_OFFERED),
            baselines=_baselines(store, service),
        )
        made = partial(ComparePage, service=service, now=now, choices=choices, scenario=scenario, part=part)
        document = assemble_measured(store, run_id)
        if other_id == REFERENCE:
            if now.run.reference_url is None:
                raise BadInputError(f"run {run_id} was measured without a reference; compare it with another run.")
            return made(before=None, compared=document)
        before, other = _found(store, other_id), assemble_measured(store, other_id)
        differences = find_differences(document, _differences(document, other))
        past = PastRuns(
            comparable_runs(_present(store, document), document, (run_id, other_id)),
            AllowanceSource.NO_COMPARABLE_RUNS,
            "the results database",
        )
        compared, refusal = None, ""
        try:
            compared = compare_documents(document, other, past, context.settings.sensitivity.min_effect)
        except BadInputError as error:
            refusal = str(error)
        between = listed_groups(store, _between(store, now.run, before.run), ())
        return made(before=before, compared=compared, refusal=refusal, differences=differences, between=between)


def _found(store: Store, run_id: str) -> ListedRun:
    listed = store.browser.find(run_id)
    if listed is None:
        raise BadInputError(f"there is no run {run_id!r} here: it was deleted, or was never opened.")
    return listed


def _between(store: Store, one: Run, other: Run) -> list[list[Regression]]:
    """The regressions that began after the earlier of two runs and not after the later one; no false alarms."""
    if one.service != other.service:
        return []
    first, last = sorted((one.sequence, other.sequence))
    groups = grouped(store.regressions.all(one.service))
    sequences = store.browser.sequences([members[0].first_run for members in groups])
    return [
        members
        for members in groups
        if first < sequences.get(members[0].first_run, 0) <= last
        and any(member.state is not RegressionState.DISMISSED for member in members)
    ]


def _baselines(store: Store, service: str) -> dict[str, list[str]]:
    """The baseline runs of a service's scenarios, each with its scenarios."""
    found: dict[str, list[str]] = {}
    for baseline in store.approvals.current(service):
        found.setdefault(baseline.run_id, []).append(baseline.scenario)
    return found


def _present(store: Store, document: ResultsDocument) -> PresentSeries:
    """The newest runs of the scenarios of a document."""
    service = document.run.service
    scenarios = [result.scenario for result in document.scenarios if result.measurements]
    since = store.browser.sequence_of_newest(service, _PAST_RUNS)
    return PresentSeries(store.series(service, scenarios=scenarios, since=since), store.regressions.all(service))


def _differences(document: ResultsDocument, other: ResultsDocument) -> Iterator[tuple[str, list[Difference]]]:
    """What differs in how each scenario that both have was measured."""
    others = {result.scenario: result for result in other.scenarios if result.measurements}
    for result in document.scenarios:
        before = others.get(result.scenario)
        if result.measurements and before is not None:
            now = Fingerprint.of(document.run, result.measurements[0])
            earlier = Fingerprint.of(other.run, before.measurements[0])
            yield result.scenario, list(now.differences(earlier))
