"""The API that is exercised: its address, its token, and the pages that say how it is."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from loadtasks.errors import BadInputError

DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Target:
    """An address, and the token that it admits."""

    url: str
    """Scheme, host, port, and a base path where there is one; without a slash at the end."""
    token: str | None = None
    """Bearer token. Never stored, logged or shown."""
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
