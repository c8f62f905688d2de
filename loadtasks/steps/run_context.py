"""What all steps of a run share, and how it follows from the settings."""

from dataclasses import dataclass, replace
from typing import Self

from pydantic import SecretStr

from loadtasks.engine.net.target import Target
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


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
