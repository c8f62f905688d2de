"""Telling people what is new in a run: composed once, kept before it is sent, and sent once."""

import logging
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any

from loadtasks.errors import BadInputError
from loadtasks.redaction.redactor import Redactor
from loadtasks.report import mail
from loadtasks.report.mail_links import MailLinks
from loadtasks.results.assembly import assemble
from loadtasks.results.message import MAIL_CHANNELS, MAIL_POLICY, Channel, Message, MessageKind
from loadtasks.results.news import News, Reported, find_news, news_of_refusal
from loadtasks.results.store import Store
from loadtasks.results.threads import thread_of
from loadtasks.results.topic import Topic
from loadtasks.steps.delivery import WAITS_S, Delivery, DeliveryOutcome
from loadtasks.steps.mail_material import trends_of, week_due
from loadtasks.steps.mail_server import Deliver, SendingError, configured_mail_server, sending_error
from loadtasks.steps.notifying import configured_channels
from loadtasks.steps.run_context import RunContext

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefusedRun:
    """A run that could not be opened."""

    run_id: str
    """The id that it would have had."""
    service: str | None
    """The service that it would have been of; None where that isn't known."""
    reason: str
    """Why, in one sentence."""


def alert(
    context: RunContext, run_id: str, deliver: Deliver | None = None, *, waits_s: Sequence[float] = WAITS_S
) -> str | None:
    """Send what is pending, then tell people what is new in a run, or remind them of what is not over.

    Repeated, it sends nothing twice: what an earlier message has reported is no news. docs/mails.md says what is.

    Args:
        context: what all steps share.
        run_id: the run.
        deliver: how to send a mail; else the server of `LOADTASKS_SMTP_URL`, else .eml files in the outbox.
        waits_s: seconds before each further attempt.

    Returns:
        Where the run's newest message went; None where none was due.

    Raises:
        NotSentError: a message could not be sent; it is pending, or was given up.
        BadInputError: no such run, or neither results database nor outbox can be written.
    """
    with Store.open(context.workspace.results_url) as store:
        service = store.run(run_id).service
        delivery = delivery_of(context, store, deliver, waits_s)

        def compose() -> Draft | None:
            document, reported = assemble(store, run_id), _reported(context, store, service)
            news = find_news(document, reported)
            week = week_due(store, document, news, reported, context.settings.digest)
            if not news.is_due and week is None:
                return None
            material = mail.MailMaterial(
                links=MailLinks.of_run(context.workspace, document.run),
                given_up=store.messages.given_up_since_the_last_one(service),
                thread=thread_of(news, reported.messages) if news.is_due else None,
                trends=trends_of(store, document, news),
                week=week,
            )
            composed = mail.compose(document, news, envelope=envelope_of(context), material=material)
            kind = MessageKind.ALERT if week is None else MessageKind.DIGEST
            about = {"sequence": document.run.sequence, "run_started_at": document.run.started_at}
            return draft_of(composed, news.topics, kind=kind, service=service, run_id=run_id, **about)

        return tell(delivery, service, run_id, compose)


def alert_refusal(
    context: RunContext, refused: RefusedRun, deliver: Deliver | None = None, *, waits_s: Sequence[float] = WAITS_S
) -> str | None:
    """Tell people that a run could not be opened, of which there is no report; else as `alert`.

    Args:
        context: what all steps share.
        refused: the run.
        deliver: how to send a mail; else the server of `LOADTASKS_SMTP_URL`, else .eml files in the outbox.
        waits_s: seconds before each further attempt.

    Returns:
        Where the message went; None where people know already that no run can be opened, and why.

    Raises:
        NotSentError: a message could not be sent; it is pending, or was given up.
        BadInputError: neither results database nor outbox can be written.
    """
    at, run_id, service = datetime.now(UTC), refused.run_id, refused.service or ""

    def composed(news: News, material: mail.MailMaterial) -> mail.ComposedMail:
        envelope = envelope_of(context)
        return mail.compose_refusal(news, run_id=run_id, service=refused.service, envelope=envelope, material=material)

    links = MailLinks.of_pages(context.workspace)

    try:
        opened = Store.open(context.workspace.results_url)
    except BadInputError as error:
        log.warning("The mail is sent without being kept: %s", error)
        news = news_of_refusal(refused.reason, at, Reported())
        without_database = composed(news, mail.MailMaterial(links=links))
        notify = configured_channels(context.settings)
        return _send_unkept(without_database, run_id, context.workspace.outbox, _server(context, deliver), notify)
    with opened as store:
        delivery = delivery_of(context, store, deliver, waits_s)

        def compose() -> Draft | None:
            reported = _reported(context, store, service)
            news = news_of_refusal(refused.reason, at, reported)
            if not news.is_due:
                return None
            given_up = store.messages.given_up_since_the_last_one(service)
            thread = thread_of(news, reported.messages)
            message = composed(news, mail.MailMaterial(links=links, given_up=given_up, thread=thread))
            about = {"sequence": reported.runs[-1].sequence if reported.runs else 0, "run_started_at": at}
            return draft_of(message, news.topics, kind=MessageKind.REFUSAL, service=service, run_id=run_id, **about)

        return tell(delivery, service, run_id, compose)


def send_pending(context: RunContext, *, waits_s: Sequence[float] = WAITS_S) -> list[Message]:
    """Send every pending message now. Returns those that were sent.

    Raises:
        NotSentError: one could not be sent.
        BadInputError: there is no mail server to send them with.
    """
    with Store.open(context.workspace.results_url) as store:
        delivery, outcome = delivery_of(context, store, None, waits_s), DeliveryOutcome()
        delivery.deliver_pending(outcome)
        delivery.deliver_notifications(outcome)
        outcome.raise_failures()
        if waiting := store.messages.pending(MAIL_CHANNELS) if delivery.deliver is None else []:
            raise BadInputError(
                f"there is no mail server to send {len(waiting)} pending message{'s' * (len(waiting) > 1)} with: name "
                "one in LOADTASKS_SMTP_URL; in Airflow, the next run sends them through the connection smtp_default."
            )
        if waiting := store.messages.pending([Channel.NOTIFICATION]):
            names = ", ".join(dict.fromkeys(message.address_name for message in waiting))
            raise BadInputError(
                f"LOADTASKS_NOTIFY_URLS has no address for {len(waiting)} pending message{'s' * (len(waiting) > 1)} to "
                f"{names}: name it; in Airflow, the next run sends them through the connection performance_notify."
            )
    return outcome.delivered


def envelope_of(context: RunContext) -> mail.Envelope:
    """From whom the mails of a context are, and to whom."""
    return mail.Envelope(context.settings.sender, context.settings.recipients)


def _server(context: RunContext, deliver: Deliver | None) -> Deliver | None:
    return deliver or configured_mail_server(context.settings)


def delivery_of(context: RunContext, store: Store, deliver: Deliver | None, waits_s: Sequence[float]) -> Delivery:
    """How messages are delivered: mails by `deliver`, else by the server of the settings, else to the outbox."""
    notify = configured_channels(context.settings)
    return Delivery(store, context.workspace.outbox, _server(context, deliver), waits_s, notify)


def _reported(context: RunContext, store: Store, service: str) -> Reported:
    """What people know of a service."""
    messages = store.messages
    return Reported(
        messages=messages.reported(service),
        lost=[topic for lost in messages.given_up_since_the_last_one(service) for topic in lost.topics],
        regressions=store.regressions.all(service),
        creeps=store.creeps(service),
        runs=store.run_order(service),
        reminder_days=context.settings.reminder_days,
    )


@dataclass(frozen=True)
class Draft:
    """A message that is not kept yet."""

    mail: Message
    in_short: EmailMessage
    """The same for other channels."""

    def notification(self, name: str) -> Message:
        """The message to an address of `LOADTASKS_NOTIFY_URLS`, by its name. What it reports, the mail has reported."""
        short = deepcopy(self.in_short)
        short["Message-ID"] = make_msgid(domain=self.mail.message_id.strip("<>").rpartition("@")[2])
        return self.mail.model_copy(
            update={
                "channel": Channel.NOTIFICATION,
                "message_id": short["Message-ID"],
                "recipients": [name],
                "content": short.as_bytes(policy=MAIL_POLICY).decode("ascii"),
                "topics": (),
            }
        )


def draft_of(composed: mail.ComposedMail, topics: tuple[Topic, ...], **about: Any) -> Draft:
    """A composed mail as it is kept, but for its channel."""
    message = composed.message
    kept = Message(
        channel=Channel.OUTBOX,
        message_id=message["Message-ID"],
        recipients=[address.addr_spec for address in message["To"].addresses],
        subject=message["Subject"],
        content=message.as_bytes(policy=MAIL_POLICY).decode("ascii"),
        topics=topics,
        next_attempt_at=(now := datetime.now(UTC)),
        created_at=now,
        **about,
    )
    return Draft(kept, composed.in_short)


def tell(delivery: Delivery, service: str, run_id: str, compose: Callable[[], Draft | None]) -> str | None:
    """Deliver what is pending, then a message that is composed with regard to what was reported. Returns where it went.

    `compose`: makes the message, None where there is no news.
    """
    outcome, server_works = DeliveryOutcome(), True
    try:
        server_works = delivery.deliver_pending(outcome)
        kept = _keep(delivery, service, compose)
    except _UnkeptError as error:
        log.warning("The mail is sent without being kept: %s", error)
        composed = mail.ComposedMail(error.draft.mail.mail, error.draft.in_short)
        return _send_unkept(composed, run_id, delivery.outbox, delivery.deliver, delivery.notify)
    if kept is not None and server_works:
        delivery.deliver_one(kept, outcome)
    elif kept is not None:
        outcome.pending.append(kept)
    delivery.deliver_notifications(outcome)
    outcome.raise_failures()
    delivered = [one for one in delivery.store.messages.of_run(run_id) if one.delivered_at is not None]
    mails = [message for message in delivered if message.channel in MAIL_CHANNELS]
    if not mails:
        return None
    also = [
        message.where for message in delivered if message.channel not in MAIL_CHANNELS and message.id > mails[-1].id
    ]
    return "; ".join(filter(None, (mails[-1].where, mails[-1].last_error, *also)))


class _UnkeptError(Exception):
    """The results database could not take a message."""

    def __init__(self, reason: str, draft: Draft) -> None:
        super().__init__(reason)
        self.draft = draft


def _keep(delivery: Delivery, service: str, compose: Callable[[], Draft | None]) -> Message | None:
    """Keep a message as pending. It is composed again where another process has reported something meanwhile.

    Raises:
        _UnkeptError: the database can be read, and not written.
    """
    while True:
        newest = delivery.store.messages.newest(service)
        draft = compose()
        if draft is None:
            return None
        message = draft.mail.model_copy(update={"channel": delivery.channel})
        notifications = [draft.notification(name) for name in delivery.notify]
        try:
            kept = delivery.store.messages.save(message, newest=newest, notifications=notifications)
        except BadInputError as error:
            raise _UnkeptError(str(error), draft) from error
        if kept is not None:
            return kept


def _send_unkept(
    composed: mail.ComposedMail,
    run_id: str,
    outbox: Path,
    deliver: Deliver | None,
    notify: Mapping[str, Deliver],
) -> str:
    """Send a message that no database could take, else write it to the outbox. Returns where it went.

    Raises:
        BadInputError: it could not be sent and is in the outbox, or that can't be written.
    """
    for name, send in notify.items():
        try:
            send(composed.in_short)
        except SendingError as error:
            log.warning("The message to %s could not be sent, and is not kept: %s", name, error)
    if deliver is None:
        return mail.write_to(outbox, run_id, composed.message)
    try:
        receipt = deliver(composed.message)
    except Exception as error:
        reason = sending_error(error, Redactor(), "the mail server")
        path = mail.write_to(outbox, run_id, composed.message)
        raise BadInputError(f"the alert could not be sent ({reason}); it is kept in {path}.") from error
    return receipt.where
