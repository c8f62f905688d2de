"""Telling people of a run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadtasks.report import folder, mail
from loadtasks.results.assembly import assemble
from loadtasks.results.document import ResultsDocument
from loadtasks.results.judgement import Verdict
from loadtasks.results.records import Alert
from loadtasks.results.store import Store
from loadtasks.steps.judging import conclude
from loadtasks.workspace import Workspace


def write_report(workspace: Workspace, run_id: str) -> Path:
    """Write the report folder of a run, and point `latest` to it. Returns the folder."""
    return folder.write(document(workspace, run_id), workspace.reports)


def alert(
    workspace: Workspace,
    run_id: str,
    *,
    sender: str,
    recipients: Sequence[str],
    deliver: mail.Deliver | None = None,
) -> str | None:
    """Tell people when the verdict is not good, once a run. Returns where the mail went; None when there was no need.

    There is none either where all that is bad are regressions that an earlier run has told.

    Without `deliver`, and where it fails, the mail is written to the outbox as an .eml file.

    Raises:
        BadInputError: the outbox can't be written.
    """
    with Store.open(workspace.results_url) as store:
        told = store.alerts(run_id)
        if told or conclude(workspace, run_id).good or _is_known(store, run_id):
            return told[-1].where if told else None
        result = assemble(store, run_id)
        message = mail.compose(
            result, sender=sender, recipients=recipients, report_url=workspace.report_address(run_id)
        )
        where = mail.send(message, workspace.outbox, run_id, deliver)
        store.save_alert(
            Alert(
                run_id=run_id,
                sent_at=datetime.now(UTC),
                channel="outbox" if deliver is None else "e-mail",
                recipients=list(recipients),
                subject=message["Subject"],
                where=where,
            )
        )
    return where


def document(workspace: Workspace, run_id: str) -> ResultsDocument:
    """The whole run, as the reports are written from it."""
    with Store.open(workspace.results_url) as store:
        return assemble(store, run_id)


def _is_known(store: Store, run_id: str) -> bool:
    """Whether all that is wrong with a run are regressions that were found, and told, before it."""
    if any(verdict.verdict is not Verdict.REGRESSED and not verdict.verdict.good for verdict in store.verdicts(run_id)):
        return False
    return all(each.found_run != run_id for each in store.regressions.all())
