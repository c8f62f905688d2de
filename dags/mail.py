"""How an alert leaves: through the SMTP server of Airflow's connection, where there is one."""

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

from dags.connections import connection_of
from loadtasks.report.mail import Deliver, send
from loadtasks.workspace import Workspace

log = logging.getLogger(__name__)

SMTP_CONNECTION = "smtp_default"
RECIPIENTS_VARIABLE = "performance_recipients"
LOCAL_ADDRESS = "performance@localhost"


@dataclass(frozen=True)
class Post:
    """From whom, to whom, and how; `deliver` is None where no SMTP connection is configured."""

    sender: str
    recipients: Sequence[str]
    deliver: Deliver | None

    def tell_unopened(self, workspace: Workspace, run_id: str, sentence: str) -> str:
        """Tell that a night could not even begin, when there is no run that a report could be written of.

        Raises:
            BadInputError: it could not be sent; it lies in the outbox.
        """
        message = EmailMessage()
        message["Subject"] = "Performance: INVALID, nothing was measured"
        message["From"], message["To"] = self.sender, ", ".join(self.recipients)
        message["Date"] = formatdate()
        message.set_content(f"Run {run_id} could not begin, so nothing is known of the API:\n\n{sentence}\n")
        return send(message, workspace.outbox, run_id, self.deliver)


class _MessageHook(SmtpHook):
    """Airflow's SMTP hook writes an HTML body of its own; this one sends a message as it was composed."""

    def send_message(self, message: EmailMessage) -> None:
        cast("SMTP", self._smtp_client).send_message(message)


def configured_post() -> Post:
    """What Airflow's connection and variable say; recipients else from LOADTASKS_RECIPIENTS, separated by commas."""
    named = Variable.get(RECIPIENTS_VARIABLE, default=None) or os.environ.get("LOADTASKS_RECIPIENTS") or LOCAL_ADDRESS
    recipients = [word.strip() for word in named.split(",") if word.strip()]
    connection = connection_of(SMTP_CONNECTION)
    if connection is None or not connection.host:
        log.info("There is no SMTP connection %s, so alerts are written to the outbox", SMTP_CONNECTION)
        return Post(LOCAL_ADDRESS, recipients, None)
    return Post(connection.extra_dejson.get("from_email") or LOCAL_ADDRESS, recipients, _send)


def _send(message: EmailMessage) -> str:
    hook = _MessageHook(smtp_conn_id=SMTP_CONNECTION)
    with hook:
        hook.send_message(message)
        return f"{message['To']}, by the mail server {hook.host}"
