"""How an alert leaves: through the SMTP server of Airflow's connection, where there is one."""

import logging
from email.message import EmailMessage
from email.utils import formatdate
from smtplib import SMTP
from typing import cast

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import Variable

from dags.connections import connection_of
from loadtasks.report.mail import Deliver, send
from loadtasks.steps import RunContext

log = logging.getLogger(__name__)

SMTP_CONNECTION = "smtp_default"
RECIPIENTS_VARIABLE = "performance_recipients"


def tell_unopened(context: RunContext, run_id: str, sentence: str, deliver: Deliver | None) -> str:
    """Alert people that a run could not be opened, when there is nothing that a report could be written about.

    Raises:
        BadInputError: the mail could not be sent; it is in the outbox.
    """
    message = EmailMessage()
    message["Subject"] = "Performance: INVALID, nothing was measured"
    message["From"], message["To"] = context.settings.sender, ", ".join(context.settings.recipients)
    message["Date"] = formatdate()
    message.set_content(f"Run {run_id} could not begin, so nothing is known of the API:\n\n{sentence}\n")
    return send(message, context.workspace.outbox, run_id, deliver)


class _MessageHook(SmtpHook):
    """Airflow's SMTP hook writes an HTML body of its own; this one sends a message as it was composed."""

    def send_message(self, message: EmailMessage) -> None:
        cast("SMTP", self._smtp_client).send_message(message)


def mail_settings() -> dict[str, str | None]:
    """The settings of mails that Airflow's variable and connection give; they go before the environment."""
    connection = connection_of(SMTP_CONNECTION)
    return {
        "recipients": Variable.get(RECIPIENTS_VARIABLE, default=None),
        "sender": connection.extra_dejson.get("from_email") if connection is not None else None,
    }


def mail_server() -> Deliver | None:
    """How to send a mail by the SMTP connection; None where there is none."""
    connection = connection_of(SMTP_CONNECTION)
    if connection is None or not connection.host:
        log.info("There is no SMTP connection %s, so alerts are written to the outbox", SMTP_CONNECTION)
        return None
    return _send


def _send(message: EmailMessage) -> str:
    hook = _MessageHook(smtp_conn_id=SMTP_CONNECTION)
    with hook:
        hook.send_message(message)
        return f"{message['To']}, by the mail server {hook.host}"
