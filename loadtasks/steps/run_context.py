"""What all steps of a run share, and how it follows from the settings."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from loadtasks.engine.net.target import Target
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.model import Scenario
from loadtasks.scenarios.secrets import secrets_of
from loadtasks.scenarios.values import is_secret_name
from loadtasks.service_name import service_at
from loadtasks.settings import Settings
from loadtasks.verdict.reference.judged_rounds import RoundBudget
from loadtasks.workspace import Workspace


@dataclass(frozen=True)
class RunContext:
    """The workspace, the builds under test and the settings of a run, handed from step to step."""

    settings: Settings
    workspace: Workspace
    target: Target
    """The API under test, the candidate where there is a reference."""
    service: str
    """Whose API the target is: its name, else the target's host, port and path."""
    reference: Target | None = None
    """The approved build that the target is compared with, round by round; None: the target is measured alone."""
    alerts: bool = True
    """Whether it is reported by mail; not where whoever started it reads what it found."""
    began_at: datetime | None = None
    """When the run began, where that was before it is opened: when its builds were started."""
    dag_id: str | None = None
    """The DAG of Airflow that makes the run."""
    dag_run_id: str | None = None
    """The id that Airflow gave its DAG run."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The context that the settings describe.

        Raises:
            BadInputError: an address that can't be used.
        """
        target = configured_target(settings)
        return cls(
            settings=settings,
            workspace=Workspace.from_settings(settings),
            target=target,
            service=settings.service or service_at(target.url),
            reference=configured_reference(settings, target),
        )

    @property
    def secrets(self) -> frozenset[str]:
        """What must never be shown: logins, passwords of results database and mail server, addresses of channels."""
        reference = self.reference.secrets if self.reference is not None else frozenset()
        services = secrets_in(self.workspace.results_url) | secrets_in(self.settings.smtp_url or "")
        channels = frozenset((*self.settings.monitor_secrets, *self.settings.notify_secrets))
        return self.target.secrets | reference | services | channels

    def redactor(self, *scenarios: Scenario) -> Redactor:
        """What takes these secrets out of texts, and those of scenarios."""
        return Redactor(self.secrets.union(*map(secrets_of, scenarios)))

    @property
    def processes(self) -> int:
        """How many processes share the load of a scenario."""
        return self.settings.processes

    @property
    def round_budget(self) -> RoundBudget:
        """How many rounds against the reference a scenario may take, and for how long."""
        return RoundBudget(self.settings.rounds, self.settings.rounds_s)


def configured_target(settings: Settings) -> Target:
    """The target that the settings name.

    Raises:
        BadInputError: an address that can't be used.
    """
    return Target(
        url=settings.target.url,
        credentials=settings.target.credentials,
        token=_revealed(settings.token),
        health_path=settings.health_path,
        metrics_path=settings.metrics_path,
    )


def configured_reference(settings: Settings, target: Target, url: str | None = None) -> Target | None:
    """The reference of a target: at `url`, else where the settings say; None where neither names one.

    It logs in with its own token, or with user and password of its address, else as the target does.

    Raises:
        BadInputError: an address that can't be used.
    """
    token = _revealed(settings.reference_token)
    if url:
        return target.reference(url, token).logged_in_as(target)
    if (named := settings.reference) is None:
        return None
    reference = target.reference(named.url, token)
    return replace(reference, credentials=named.credentials).logged_in_as(target)


def secrets_in(url: str) -> frozenset[str]:
    """The passwords in the URL of a database or a mail server: before its host, or in its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return frozenset()  # no URL
    user_info, is_given, _ = parts.netloc.rpartition("@")
    found = [unquote(user_info.partition(":")[2])] if is_given else []
    found += [value for name, value in parse_qsl(parts.query) if is_secret_name(name)]
    return frozenset(filter(None, found))


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
