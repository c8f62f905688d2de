"""Telling people that a run has not ended in time, or that none came: by one mail a run, kept like every other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from loadtasks.report import mail
from loadtasks.report.mail_links import MailLinks
from loadtasks.report.news_headline import MailWord, NewsHeadline
from loadtasks.report.template_environment import moment
from loadtasks.results.message import Message, MessageKind
from loadtasks.results.overdue_run import OverdueRun
from loadtasks.results.store import Store
from loadtasks.steps.alerting import Draft, delivery_of, draft_of, envelope_of, tell
from loadtasks.steps.delivery import WAITS_S
from loadtasks.steps.mail_server import Deliver
from loadtasks.steps.run_context import RunContext
from loadtasks.units import span

_HEARTBEAT = (
    "Where nothing is scheduled any more, this mail can't come either: LOADTASKS_HEARTBEAT_URL lets a monitor "
    "elsewhere notice that"
)


def alert_late(
    context: RunContext, run: OverdueRun, deliver: Deliver | None = None, *, waits_s: Sequence[float] = WAITS_S
) -> str | None:
    """Tell people that a run has not ended in time.

    Args:
        context: what all steps share.
        run: the run.
        deliver: how to send a mail; else the server of `LOADTASKS_SMTP_URL`, else .eml files in the outbox.
        waits_s: seconds before each further attempt.

    Returns:
        Where the message went; None where people know already.

    Raises:
        NotSentError: a message could not be sent; it is pending, or was given up.
        BadInputError: neither results database nor outbox can be written.
    """
    passed = span((datetime.now(UTC) - run.due).total_seconds())
    sentence = f"run {run.run_id} was due {moment(run.due)} and has not ended, {passed} later"
    details = [
        f"The DAG {run.dag_id} in Airflow shows which of its tasks runs or waits, and their logs",
        "A mail with what it found follows when it ends; one that hangs is ended by Airflow after 12 hours",
    ]
    short = f"the run that was due {moment(run.due)} has not ended, {passed} later"
    notice = _Notice(MessageKind.LATE, NewsHeadline(MailWord.LATE, sentence, short), details)
    return _alert_once(context, run, notice, deliver, waits_s)


def alert_missed(
    context: RunContext,
    run: OverdueRun,
    deliver: Deliver | None = None,
    *,
    reason: str | None = None,
    waits_s: Sequence[float] = WAITS_S,
) -> str | None:
    """Tell people that no run came when one was due; once more when `LOADTASKS_REMINDER_DAYS` have passed since.

    `reason`: why, in one sentence; None where only Airflow knows. The rest is as for `alert_late`.
    """
    sentence = f"no run came that was due {moment(run.due)}"
    headline = NewsHeadline(MailWord.MISSED, sentence, sentence)
    why = reason or (
        f"Airflow has not begun it: see whether the DAG {run.dag_id} has an import error, and whether an earlier run "
        "of it still goes on. Where it is out of use, pause it or delete it there"
    )
    details = [
        why,
        "Nothing was measured meanwhile, so that nothing is known of what changed since the last run",
        _HEARTBEAT,
    ]
    return _alert_once(context, run, _Notice(MessageKind.MISSED, headline, details), deliver, waits_s)


def alert_late_runs(context: RunContext, deliver: Deliver | None = None) -> dict[str, str | None]:
    """Tell people of the late runs that were noted, and neither ended nor were skipped; else as `alert_late`.

    Returns:
        Where the message of each went, by the run's id; None where people know already.
    """
    with Store.open(context.workspace.results_url) as store:
        noted = store.late_runs.all()
        over = {run.run_id for run in noted if _is_over(store, run.run_id)}
    went: dict[str, str | None] = {}
    for run in noted:
        if run.run_id not in over:
            went[run.run_id] = alert_late(context, run, deliver)
        with Store.open(context.workspace.results_url) as store:
            store.late_runs.forget(run.run_id)
    return went


def _is_over(store: Store, run_id: str) -> bool:
    """Whether a run has ended, or was skipped, of which people know."""
    if store.has_run(run_id):
        return store.run(run_id).ended_at is not None
    return any(message.kind is MessageKind.MISSED for message in store.messages.of_run(run_id))


@dataclass(frozen=True)
class _Notice:
    """What a mail says."""

    kind: MessageKind
    headline: NewsHeadline
    details: Sequence[str]


def _alert_once(
    context: RunContext, run: OverdueRun, notice: _Notice, deliver: Deliver | None, waits_s: Sequence[float]
) -> str | None:
    service = run.service or ""
    with Store.open(context.workspace.results_url) as store:
        if not _is_due(context, store.messages.of_run(run.run_id), notice.kind):
            return None

        def compose() -> Draft:
            composed = mail.compose_notice(
                notice.headline,
                notice.details,
                service=run.service,
                envelope=envelope_of(context),
                links=MailLinks.of_pages(context.workspace),
            )
            order = store.run_order(service)
            about = {"sequence": order[-1].sequence if order else 0, "run_started_at": run.due}
            return draft_of(composed, (), kind=notice.kind, service=service, run_id=run.run_id, **about)

        return tell(delivery_of(context, store, deliver, waits_s), service, run.run_id, compose)


def _is_due(context: RunContext, earlier: Sequence[Message], kind: MessageKind) -> bool:
    """Whether people have to know now what earlier messages about the run may have said."""
    alike = [message for message in earlier if message.kind is kind]
    if not alike:
        return True
    days, passed = context.settings.reminder_days, datetime.now(UTC) - alike[-1].created_at
    return kind is MessageKind.MISSED and bool(days) and passed >= timedelta(days=days)
