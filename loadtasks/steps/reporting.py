"""Reporting a run, and alerting people about it."""

from datetime import UTC, datetime
from pathlib import Path

from loadtasks.errors import BadInputError
from loadtasks.report import folder, mail
from loadtasks.results.assembly import assemble
from loadtasks.results.document import ResultsDocument
from loadtasks.results.judgement import Verdict
from loadtasks.results.records import Alert
from loadtasks.results.store import Store
from loadtasks.steps.judging import conclude
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


def alert(context: RunContext, run_id: str, deliver: mail.Deliver | None = None) -> str | None:
    """Alert people by mail when the verdict is not good, once a run. Returns where the mail went, None if none is due.

    None is due either if all that is wrong are regressions that an earlier run has reported. Without `deliver`, and
    where it fails, the mail is written to the outbox as an .eml file.

    Raises:
        BadInputError: the outbox can't be written.
    """
    workspace, settings = context.workspace, context.settings
    with Store.open(workspace.results_url) as store:
        sent = store.alerts(run_id)
        if sent or conclude(context, run_id).good or _is_known(store, run_id):
            return sent[-1].where if sent else None
        message = mail.compose(
            assemble(store, run_id),
            sender=settings.sender,
            recipients=settings.recipients,
            report_url=workspace.report_address(run_id),
        )
        where = mail.send(message, workspace.outbox, run_id, deliver)
        store.save_alert(
            Alert(
                run_id=run_id,
                sent_at=datetime.now(UTC),
                channel="outbox" if deliver is None else "e-mail",
                recipients=list(settings.recipients),
                subject=message["Subject"],
                where=where,
            )
        )
    return where


def document(context: RunContext, run_id: str) -> ResultsDocument:
    """The whole run, as reports are made from it."""
    with Store.open(context.workspace.results_url) as store:
        return assemble(store, run_id)


def _is_known(store: Store, run_id: str) -> bool:
    """Whether all that is wrong with a run are regressions that earlier runs found and reported."""
    if any(verdict.verdict is not Verdict.REGRESSED and not verdict.verdict.good for verdict in store.verdicts(run_id)):
        return False
    return all(regression.found_run != run_id for regression in store.regressions.all())
