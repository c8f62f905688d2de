"""Reporting a run."""

from pathlib import Path

from loadtasks.report import folder
from loadtasks.results.assembly import assemble
from loadtasks.results.document import ResultsDocument
from loadtasks.results.store import Store
from loadtasks.steps.run_context import RunContext


def write_report(context: RunContext, run_id: str) -> Path:
    """Write the report folder of a run, and see that the links lead to the newest reports. Returns the folder."""
    reports = context.workspace.reports
    with Store.open(context.workspace.results_url) as store:
        whole = assemble(store, run_id)
        written = folder.write(whole, reports)
        service = whole.run.service
        folder.link_newest(reports, service, store.run_ids(), store.run_ids(service))
    return written


def document(context: RunContext, run_id: str) -> ResultsDocument:
    """The whole run, as reports are made from it."""
    with Store.open(context.workspace.results_url) as store:
        return assemble(store, run_id)
