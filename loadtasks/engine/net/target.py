"""The API that is exercised: its address, its token, and whether it responds at all."""

import ssl
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

import requests

from loadtasks.engine.net import tls
from loadtasks.errors import BadInputError, TargetUnavailableError
from loadtasks.scenarios.client_headers import CLIENT_HEADERS

DEFAULT_URL = "http://127.0.0.1:8000"
_PROBE_TIMEOUT_S = 5.0
_UNAUTHORISED = (401, 403)
_SERVER_ERROR = 500
_TOKENS = {"target": "LOADTASKS_TOKEN", "reference": "LOADTASKS_REFERENCE_TOKEN"}


@dataclass(frozen=True)
class Target:
    """An address, and the token that it admits."""

    url: str
    """Scheme, host, port, and a base path where there is one; without a slash at the end."""
    token: str | None = None
    """Bearer token. Never stored, logged or shown."""
    health_path: str = "/healthz"
    version_path: str = "/version"
    role: Literal["target", "reference"] = "target"
    """Whether it is measured, or what it is compared with."""
    metrics_path: str | None = None
    """Path of its metrics in Prometheus' text format; None where it is not known, and the usual one is tried."""

    USUAL_METRICS_PATH: ClassVar[str] = "/metrics"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        try:
            port_is_fine = parts.port is None or parts.port > 0
        except ValueError:
            port_is_fine = False
        if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
            raise BadInputError(f"{self.role} {self.url!r} is not an address; use one like {DEFAULT_URL}.")
        object.__setattr__(self, "url", self.url.rstrip("/"))

    def __repr__(self) -> str:
        return f"Target({self.url!r}, token={'set' if self.token else None})"

    def reference(self, url: str, token: str | None) -> Self:
        """Another build of the same API, to compare this one with."""
        return replace(self, url=url, token=token, role="reference")

    def headers(self) -> dict[str, str]:
        """What every request to the target carries."""
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
                    headers={**CLIENT_HEADERS, **self.headers()},
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
