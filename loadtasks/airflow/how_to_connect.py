"""How people make the connections that the pipeline looks for: in Airflow's UI, and by a command.

Imports nothing of Airflow, so that `make airflow` can say it at once.
"""

import shlex
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

from loadtasks.airflow import (
    DISTRIBUTION,
    NOTIFY_CONNECTION,
    REFERENCE_CONNECTION,
    SMTP_CONNECTION,
    TARGET_CONNECTION,
    TARGET_TYPE,
)

TYPE_NAME = "Performance target"
"""What the UI calls the type of connections to targets and references."""
LABELS = {"host": "Address", "login": "User", "password": "Token or password"}
"""What its form calls the fields that each connection has."""


@dataclass(frozen=True)
class ConnectionHint:
    """A connection that may be made, with values to be replaced by one's own."""

    purpose: str
    conn_type: str
    fields: dict[str, str]
    """By the name of the option; the UI's form calls them alike."""


CONNECTIONS = {
    TARGET_CONNECTION: ConnectionHint(
        "the API under test", TARGET_TYPE, {"host": "https://api.example.com", "password": "TOKEN"}
    ),
    REFERENCE_CONNECTION: ConnectionHint(
        "the approved build, for paired runs",
        TARGET_TYPE,
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


def command(connection_id: str, airflow: str = "airflow", named: str | None = None) -> str:
    """The command that makes a connection.

    Args:
        connection_id: which one of `CONNECTIONS`.
        airflow: how the command line of that Airflow is called.
        named: the id that a DAG gives it; None: the usual one.
    """
    hint = CONNECTIONS[connection_id]
    options = {"type": _type(hint)} | hint.fields
    arguments = (f"--conn-{name} {shlex.quote(value)}" for name, value in options.items())
    return f"{airflow} connections add {named or connection_id} {' '.join(arguments)}"


def form(connection_id: str, named: str | None = None) -> str:
    """What to enter in Airflow's UI; the arguments are those of `command`."""
    hint = CONNECTIONS[connection_id]
    labels = LABELS if _type(hint) == TARGET_TYPE else {}
    fields = (f"{labels.get(name, name.capitalize())} {value}" for name, value in hint.fields.items())
    kind = TYPE_NAME if _type(hint) == TARGET_TYPE else _type(hint)
    return (
        f"Admin, Connections, Add Connection: Connection ID {named or connection_id}, Connection Type {kind}, "
        f"{', '.join(fields)}"
    )


def how_to_make(connection_id: str, named: str | None = None) -> str:
    """Both ways, as the end of a sentence; the arguments are those of `command`."""
    return f"to make it, in Airflow's UI: {form(connection_id, named)}; or: {command(connection_id, named=named)}"


@cache
def has_own_type() -> bool:
    """Whether Airflow knows the type of connections to targets: the wheel registers it."""
    try:
        distribution(DISTRIBUTION)
    except PackageNotFoundError:
        return False
    return True


def _type(hint: ConnectionHint) -> str:
    """The connection type that this Airflow offers."""
    return hint.conn_type if hint.conn_type != TARGET_TYPE or has_own_type() else "generic"
