"""The API that is exercised: its address, its token, and whether it responds at all."""

import ssl
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import requests

from loadtasks.engine.net import tls
from loadtasks.errors import BadInputError, TargetUnavailableError
from loadtasks.request_path import check_path
from loadtasks.target_address import Credentials, TargetAddress, masked

DEFAULT_URL = "http://127.0.0.1:8000"
_PROBE_TIMEOUT_S = 5.0
_UNAUTHORISED = (401, 403)
_SERVER_ERROR = 500
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
    health_path: str = "/healthz"
    version_path: str = "/version"
    role: Literal["target", "reference"] = "target"
    """Whether it is measured, or what it is compared with."""
    metrics_path: str | None = None
    """Path of its metrics in Prometheus' text format; None where it is not known, and the usual one is tried."""

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
        for path in filter(None, (self.health_path, self.version_path, self.metrics_path)):
            try:
                check_path(path)
            except ValueError as error:
                raise BadInputError(
                    f"{self.role} {address.url}: the path {path!r} can't be requested: {error}."
                ) from None
        object.__setattr__(self, "url", address.url)
        object.__setattr__(self, "credentials", self.credentials or address.credentials)

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

    def check_alive(self) -> None:
        """Make sure that the target responds. Any status below 500 will do, since not every API has a health page.

        Raises:
            TargetUnavailableError: it refuses, hangs, or responds with a server error.
        """
        response = self._get(self.health_path)
        if response.status_code >= _SERVER_ERROR:
            raise TargetUnavailableError(
                f"{self.role} {self.url}: GET {self.health_path} responded {response.status_code}, so it is not "
                "healthy enough to be measured; repair it and run again."
            )

    def check_admitted(self, path: str) -> None:
        """Make sure that the token admits to a path that a scenario will request.

        Raises:
            BadInputError: the response is 401 or 403.
            TargetUnavailableError: there is no response.
        """
        response = self._get(path)
        if response.status_code in _UNAUTHORISED:
            if self.credentials is not None:
                raise BadInputError(
                    f"{self.role} {self.url}: GET {path} responded {response.status_code}: user and password are not "
                    "accepted; correct those in its address or in its Airflow connection."
                )
            problem = "is not accepted" if self.token else "is missing"
            raise BadInputError(
                f"{self.role} {self.url}: GET {path} responded {response.status_code}: the token {problem}; set "
                f"{_TOKENS[self.role]}, or the password of the Airflow connection performance_{self.role}."
            )

    def version(self) -> str | None:
        """The `version` of its version page (JSON), with its `revision` after a plus; None where it has none."""
        try:
            body = self._get(self.version_path).json()
        except (TargetUnavailableError, ValueError):
            return None
        version = body.get("version") if isinstance(body, dict) else None
        revision = body.get("revision") if version else None
        return f"{version}+{revision}"[:200] if revision else str(version)[:200] if version else None

    def metrics(self) -> requests.Response:
        """The response of its metrics page.

        Raises:
            TargetUnavailableError: there is no response.
        """
        return self._get(self.metrics_path or self.USUAL_METRICS_PATH)

    def _get(self, path: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            try:
                return session.get(
                    self.url + path,
                    headers=self.headers(),
                    timeout=_PROBE_TIMEOUT_S,
                    allow_redirects=False,
                    verify=tls.ca_bundle() if self.url.startswith("https") else True,
                )
            except requests.Timeout as error:
                raise TargetUnavailableError(
                    f"{self.role} {self.url}: GET {path} got no response within {_PROBE_TIMEOUT_S:g} s; it hangs, or "
                    "the network drops the request: check that it is up, and run again."
                ) from error
            except requests.RequestException as error:
                cause = _cause(error)
                if isinstance(cause, ssl.SSLError):
                    raise TargetUnavailableError(f"{self.role} {self.url}: {tls.why(cause)}.") from error
                raise TargetUnavailableError(
                    f"{self.role} {self.url}: can't be reached ({_reason(cause)}); start it, or name another with "
                    f"--{self.role}."
                ) from error


def _cause(error: BaseException) -> BaseException:
    """The innermost reason of a chain of network errors."""
    innermost: BaseException = error
    seen: list[BaseException] = []
    while innermost not in seen:
        seen.append(innermost)
        reason = getattr(innermost, "reason", None)
        wrapped = reason if isinstance(reason, BaseException) else None
        first = innermost.args[0] if innermost.args and isinstance(innermost.args[0], BaseException) else None
        innermost = wrapped or first or innermost.__cause__ or innermost.__context__ or innermost
    return innermost


def _reason(cause: BaseException) -> str:
    strerror = getattr(cause, "strerror", None)
    return str(strerror or cause).lower().removeprefix("[errno 111] ")
