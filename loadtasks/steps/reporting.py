"""Reporting a run."""

from dataclasses import dataclass
from pathlib import Path

from loadtasks.errors import BadInputError, ExitCode, NotStoredError
from loadtasks.report import folder
from loadtasks.report.headline import verdict_sentence
from loadtasks.results.assembly import assemble, assemble_measured
from loadtasks.results.document import ResultsDocument
from loadtasks.results.judgement import Verdict
from loadtasks.results.store import Store
from loadtasks.steps.run_context import RunContext


def write_report(context: RunContext, run_id: str) -> Path:
    """Write the report folder of a run, and see that the links lead to the newest reports. Returns the folder.

    Raises:
        BadInputError: the run was pruned, or the folder can't be written.
    """
    reports = context.workspace.reports
    with Store.open(context.workspace.results_url) as store:
        if pruned_at := store.pruned().get(run_id):
            raise BadInputError(
                f"run {run_id} was pruned on {pruned_at:%Y-%m-%d}, so its report can't be written again; "
                f"`python -m loadtasks report {run_id}` prints what is left of it."
            )
        whole = assemble(store, run_id)
        written = folder.write(whole, reports)
        service = whole.run.service
        folder.link_newest(reports, service, store.run_ids(), store.run_ids(service))
    return written


def report_file(context: RunContext, run_id: str, name: str) -> bytes:
    """A file of a run's report, made from the results database alone: for readers on a machine that doesn't have it.

    Args:
        context: what all steps share.
        run_id: the run.
        name: `index.html`, then without Data Docs, `results.json` or `summary.md`.

    Raises:
        NotStoredError: there is no such run or no such file, the run has not ended, or it was pruned.
    """
    with Store.open(context.workspace.results_url) as store:
        if not store.has_run(run_id) or store.run(run_id).ended_at is None or run_id in store.pruned():
            raise NotStoredError(f"The run {run_id} has no report: it has not been written yet, or it was pruned.")
        whole = assemble(store, run_id)
    if name not in folder.FILES:
        raise NotStoredError(f"A report has no file {name}.")
    return folder.FILES[name](whole)


@dataclass(frozen=True)
class RunSummary:
    """What a run found, for those who read one line."""

    service: str
    verdict: Verdict
    sentence: str
    """The verdict with its reason: one sentence, texts of targets in it made plain."""
    target_version: str | None
    exit_code: ExitCode
    """That of the command line."""


def summarize(context: RunContext, run_id: str) -> RunSummary:
    """What a run found, in one sentence; a scenario that was not judged is invalid.

    Raises:
        BadInputError: no such run.
    """
    with Store.open(context.workspace.results_url) as store:
        whole = assemble_measured(store, run_id)
    return RunSummary(
        service=whole.run.service,
        verdict=whole.verdict,
        sentence=verdict_sentence(whole),
        target_version=whole.run.target_version,
        exit_code=whole.exit_code,
    )


def document(context: RunContext, run_id: str) -> ResultsDocument:
    """The whole run, as reports are made from it."""
    with Store.open(context.workspace.results_url) as store:
        return assemble(store, run_id)
