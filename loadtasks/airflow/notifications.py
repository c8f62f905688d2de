"""How alerts are sent from Airflow: through its SMTP connection, and to the addresses of another connection."""

import logging
from email.message import EmailMessage
from smtplib import SMTP
from typing import cast

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import Variable

from loadtasks.airflow import NOTIFY_CONNECTION, RECIPIENTS_VARIABLE, SMTP_CONNECTION
from loadtasks.airflow.connections import extra_text, find_connection
from loadtasks.airflow.how_to_connect import how_to_make
from loadtasks.redaction.redactor import Redactor
from loadtasks.steps import Deliver, Receipt, receipt, sending_error

log = logging.getLogger(__name__)


def mail_settings() -> dict[str, str | None]:
    """The settings of messages that Airflow's variable and connections hold; they go before the environment."""
    connection, notify = find_connection(SMTP_CONNECTION), find_connection(NOTIFY_CONNECTION)
    return {
        "recipients": Variable.get(RECIPIENTS_VARIABLE, default=None),
        "sender": extra_text(connection, "from_email") if connection is not None else None,
        "notify_urls": notify.password if notify is not None else None,
    }


def mail_server() -> Deliver | None:
    """How to send a mail through the SMTP connection; None where there is none."""
    connection = find_connection(SMTP_CONNECTION)
    if connection is None or not connection.host:
        log.info(
            "There is no SMTP connection %s, so alerts go through LOADTASKS_SMTP_URL, else to the outbox; %s",
            SMTP_CONNECTION,
            how_to_make(SMTP_CONNECTION),
        )
        return None
    return _deliver


class _MessageHook(SmtpHook):
    """Sends a composed message. Airflow's own hook only sends an HTML body that it composes itself."""

    def send_message(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        """Send it. Returns the replies to the recipients that were refused; the others have it."""
        return cast("SMTP", self._smtp_client).send_message(message)


def _deliver(message: EmailMessage) -> Receipt:
    """Send a message through the SMTP connection.

    Raises:
        SendingError: it could not be sent.
    """
    connection = find_connection(SMTP_CONNECTION)
    server = str(connection.host) if connection is not None else SMTP_CONNECTION
    password = connection.password if connection is not None else None
    redact = Redactor([password] if password else [])  # a server may quote what was sent to it
    try:
        hook = _MessageHook(smtp_conn_id=SMTP_CONNECTION)
        with hook:  # which gives the hook of Airflow's type
            refused = hook.send_message(message)
    except Exception as error:
        raise sending_error(error, redact, server) from None
    return receipt(message, server, refused, redact)
