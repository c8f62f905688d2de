"""How alerts are sent from Airflow: through the mail server of its SMTP connection, where there is one."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from smtplib import SMTP
from typing import cast

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import Variable

from loadtasks.airflow import RECIPIENTS_VARIABLE, SMTP_CONNECTION
from loadtasks.airflow.connections import find_connection
from loadtasks.report.mail import Deliver, send
from loadtasks.workspace import Workspace

log = logging.getLogger(__name__)

LOCAL_ADDRESS = "performance@localhost"


@dataclass(frozen=True)
class MailRoute:
    """Sender, recipients and mail server of an alert."""

    sender: str
    recipients: Sequence[str]
    deliver: Deliver | None
    """Sends a message; None where there is no SMTP connection, and alerts are written to the outbox."""

    def send_refusal(self, workspace: Workspace, run_id: str, reason: str) -> str:
        """Send an alert of a run that could not be opened, of which there is no report. Returns where it was sent.

        Raises:
            BadInputError: it could not be sent and is kept in the outbox.
        """
        message = EmailMessage()
        message["Subject"] = "[INVALID] nightly performance: nothing was measured"
        message["From"], message["To"] = self.sender, ", ".join(self.recipients)
        message["Date"] = formatdate()
        message.set_content(f"Run {run_id} could not be opened, so nothing was measured:\n\n{reason}\n")
        return send(message, workspace.outbox, run_id, self.deliver)


class _MessageHook(SmtpHook):
    """Sends a composed message. Airflow's own hook only sends an HTML body that it composes itself."""

    def send_message(self, message: EmailMessage) -> None:
        cast("SMTP", self._smtp_client).send_message(message)


def configured_mail_route() -> MailRoute:
    """The mail route of Airflow's SMTP connection and recipients variable, else of LOADTASKS_RECIPIENTS."""
    named = Variable.get(RECIPIENTS_VARIABLE, default=None) or os.environ.get("LOADTASKS_RECIPIENTS") or LOCAL_ADDRESS
    recipients = [word.strip() for word in named.split(",") if word.strip()]
    connection = find_connection(SMTP_CONNECTION)
    if connection is None or not connection.host:
        log.info("There is no SMTP connection %s, so alerts are written to the outbox", SMTP_CONNECTION)
        return MailRoute(LOCAL_ADDRESS, recipients, None)
    return MailRoute(connection.extra_dejson.get("from_email") or LOCAL_ADDRESS, recipients, _deliver)


def _deliver(message: EmailMessage) -> str:
    hook = _MessageHook(smtp_conn_id=SMTP_CONNECTION)
    with hook:
        hook.send_message(message)
        return f"{message['To']}, by the mail server {hook.host}"
