"""How people make the connections that the pipeline looks for: in Airflow's UI, and by a command.

Imports nothing of Airflow, so that `make airflow` can say it at once.
"""

import shlex
from dataclasses import dataclass

from loadtasks.airflow import NOTIFY_CONNECTION, REFERENCE_CONNECTION, SMTP_CONNECTION, TARGET_CONNECTION


@dataclass(frozen=True)
class ConnectionHint:
    """A connection that may be made, with values to be replaced by one's own."""

    purpose: str
    conn_type: str
    fields: dict[str, str]
    """By the name of the option; the UI's form calls them alike."""


CONNECTIONS = {
    TARGET_CONNECTION: ConnectionHint(
        "the API under test", "generic", {"host": "https://api.example.com", "password": "TOKEN"}
    ),
    REFERENCE_CONNECTION: ConnectionHint(
        "the approved build, for paired runs",
        "generic",
        {"host": "https://approved.example.com", "password": "TOKEN"},
    ),
    SMTP_CONNECTION: ConnectionHint(
        "the mail server for alerts",
        "smtp",
        {
            "host": "mail.example.com",
            "port": "587",
            "login": "USER",
            "password": "PASSWORD",
            "extra": '{"from_email": "performance@example.com"}',
        },
    ),
    NOTIFY_CONNECTION: ConnectionHint(
        "Slack, Teams, PagerDuty, webhooks", "generic", {"password": "slack://TOKEN/TOKEN/TOKEN/#alerts"}
    ),
}
"""By connection id."""


def command(connection_id: str, airflow: str = "airflow") -> str:
    """The command that makes a connection; `airflow` is how the command line of that Airflow is called."""
    hint = CONNECTIONS[connection_id]
    options = {"type": hint.conn_type} | hint.fields
    arguments = (f"--conn-{name} {shlex.quote(value)}" for name, value in options.items())
    return f"{airflow} connections add {connection_id} {' '.join(arguments)}"


def form(connection_id: str) -> str:
    """What to enter in Airflow's UI."""
    hint = CONNECTIONS[connection_id]
    fields = (f"{name.capitalize()} {value}" for name, value in hint.fields.items())
    return f"Admin, Connections, Add Connection: Connection ID {connection_id}, Connection Type {hint.conn_type}, " + (
        ", ".join(fields)
    )


def how_to_make(connection_id: str) -> str:
    """Both ways, as the end of a sentence."""
    return f"to make it, in Airflow's UI: {form(connection_id)}; or: {command(connection_id)}"
