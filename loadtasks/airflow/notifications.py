"""How alerts are sent from Airflow: through the mail server of its SMTP connection, where there is one."""

import logging
from email.message import EmailMessage
from email.utils import formatdate
from smtplib import SMTP
from typing import cast

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import Variable

from loadtasks.airflow import RECIPIENTS_VARIABLE, SMTP_CONNECTION
from loadtasks.airflow.connections import find_connection
from loadtasks.airflow.how_to_connect import how_to_make
from loadtasks.redaction.redactor import Redactor
from loadtasks.report.mail import Deliver, send, subject_line
from loadtasks.results.judgement import Verdict
from loadtasks.steps import RunContext

log = logging.getLogger(__name__)


def mail_settings() -> dict[str, str | None]:
    """The settings of mails that Airflow's variable and connection hold; they take precedence over the environment."""
    connection = find_connection(SMTP_CONNECTION)
    return {
        "recipients": Variable.get(RECIPIENTS_VARIABLE, default=None),
        "sender": connection.extra_dejson.get("from_email") if connection is not None else None,
    }


def mail_server() -> Deliver | None:
    """How to send a mail through the SMTP connection; None where there is none."""
    connection = find_connection(SMTP_CONNECTION)
    if connection is None or not connection.host:
        log.info(
            "There is no SMTP connection %s, so alerts are written to the outbox; %s",
            SMTP_CONNECTION,
            how_to_make(SMTP_CONNECTION),
        )
        return None
    return _deliver


def send_refusal(context: RunContext, run_id: str, service: str | None, reason: str, deliver: Deliver | None) -> str:
    """Send an alert of a run that could not be opened, of which there is no report. Returns where it was sent.

    Raises:
        BadInputError: it could not be sent and is kept in the outbox.
    """
    message = EmailMessage()
    message["Subject"] = subject_line(Verdict.INVALID, service, "nothing was measured")
    message["From"], message["To"] = context.settings.sender, ", ".join(context.settings.recipients)
    message["Date"] = formatdate()
    of_service = f" of {service}" if service else ""
    message.set_content(f"Run {run_id}{of_service} could not be opened, so nothing was measured:\n\n{reason}\n")
    return send(message, context.workspace.outbox, run_id, deliver)


class _MessageHook(SmtpHook):
    """Sends a composed message. Airflow's own hook only sends an HTML body that it composes itself."""

    def send_message(self, message: EmailMessage) -> None:
        cast("SMTP", self._smtp_client).send_message(message)


def _deliver(message: EmailMessage) -> str:
    hook = _MessageHook(smtp_conn_id=SMTP_CONNECTION)
    connection = find_connection(SMTP_CONNECTION)
    password = connection.password if connection is not None else None
    with Redactor([password] if password else []).in_errors(), hook:  # a server may quote what was sent to it
        hook.send_message(message)
        return f"{message['To']}, by the mail server {hook.host}"
