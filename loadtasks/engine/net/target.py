"""The API that is exercised: its address, its token, and the pages that say how it is."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from loadtasks.errors import BadInputError
from loadtasks.request_path import check_path
from loadtasks.target_address import Credentials, TargetAddress, checked_token, masked

DEFAULT_URL = "http://127.0.0.1:8000"
_TOKENS = {"target": "LOADTASKS_TOKEN", "reference": "LOADTASKS_REFERENCE_TOKEN"}


@dataclass(frozen=True)
class Target:
    """An address, and how to log in there: with a token, or with user and password."""

    url: str
    """Scheme, host, port, and a base path where there is one; without a slash at the end, user or password."""
    token: str | None = None
    """Bearer token. Never stored, logged or shown."""
    credentials: Credentials | None = None
    """User and password, sent as Basic; also those that stood in the address. Never stored, logged or shown."""
    health_path: str | None = None
    """Path of its health page; None where it is not known, and the usual one is tried."""
    version_path: str = "/version"
    role: Literal["target", "reference"] = "target"
    """Whether it is measured, or what it is compared with."""
    metrics_path: str | None = None
    """Path of its metrics in Prometheus' text format; None where it is not known, and the usual one is tried."""

    USUAL_HEALTH_PATH: ClassVar[str] = "/healthz"
    USUAL_METRICS_PATH: ClassVar[str] = "/metrics"

    def __post_init__(self) -> None:
        try:
            address = TargetAddress.parse(self.url)
        except ValueError as error:
            raise BadInputError(
                f"{self.role} {masked(self.url)} is not an address: {error}; use one like {DEFAULT_URL}."
            ) from None
        logins = (self.token, self.credentials, address.credentials)
        if sum(login is not None for login in logins) > 1:
            raise BadInputError(
                f"{self.role} {address.url}: there is both a token ({_TOKENS[self.role]}, or an Airflow connection's "
                "password) and a user with a password; give one of them."
                if self.token is not None
                else f"{self.role} {address.url}: user and password are given twice, in the address and apart from it; "
                "give them once."
            )
        try:
            token = self.token and checked_token(self.token)
            credentials = self.credentials and Credentials.checked(*self.credentials)
        except ValueError as error:
            where = f"{_TOKENS[self.role]}, or an Airflow connection's login and password"
            raise BadInputError(f"{self.role} {address.url}: its login can't be sent ({where}): {error}.") from None
        for path in filter(None, (self.health_path, self.version_path, self.metrics_path)):
            try:
                check_path(path)
            except ValueError as error:
                raise BadInputError(
                    f"{self.role} {address.url}: the path {path!r} can't be requested: {error}."
                ) from None
        object.__setattr__(self, "url", address.url)
        object.__setattr__(self, "token", token)
        object.__setattr__(self, "credentials", credentials or address.credentials)

    def __repr__(self) -> str:
        login = "token" if self.token else "user and password" if self.credentials else None
        return f"Target({self.url!r}, login={login})"

    def reference(self, url: str, token: str | None) -> Self:
        """Another build of the same API, to compare this one with."""
        return replace(self, url=url, token=token, credentials=None, role="reference")

    def logged_in_as(self, other: "Target") -> Self:
        """This target, with the login of another one unless it has its own."""
        if self.token is not None or self.credentials is not None:
            return self
        return replace(self, token=other.token, credentials=other.credentials)

    def headers(self) -> dict[str, str]:
        """What every request to the target carries."""
        if self.credentials is not None:
            return {"Authorization": self.credentials.authorization()}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def secrets(self) -> frozenset[str]:
        """What must never be shown: token, password, and both as they are sent.

        Where there is no password the user is one: a key may be sent as a user.
        """
        secrets = {self.token} if self.token else set()
        if self.credentials is not None:
            user, password = self.credentials
            secrets |= {password or user, f"{user}:{password}", self.credentials.authorization().partition(" ")[2]}
        return frozenset(secrets)
