"""Health, readiness and version as the API shows them."""

from __future__ import annotations

from typing import Literal

from app.web.responses import ResponseModel


class HealthReport(ResponseModel):
    """The service is healthy."""

    status: Literal["ok"]
    database: Literal["ok"]
    redis: str
    """`off`, `ok`, or that Redis is unreachable and what the service does without it."""


class ReadinessReport(ResponseModel):
    """The service is ready for requests."""

    status: Literal["ready"]
    parts: dict[str, str]
    """The state of each dependency, of optional ones (`redis`, `replica`) too."""


class VersionReport(ResponseModel):
    """The version of the running service."""

    name: str
    version: str
    revision: str | None
    """Source revision; null when it isn't known."""
