"""How many requests a user may make, and what is told of that: the ``RateLimit-*`` headers, and 429 beyond it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from flask import Flask, Response, after_this_request, g, request

from app.observability import metrics
from app.rate_limits.windows import Windows
from app.security.tokens import LOAD_TEST, Grant
from app.web.problems import Problem

WINDOW_S = 60
LOAD_TEST_USER = "X-Load-Test-User"
LOAD_TEST_USER_KEY = "HTTP_X_LOAD_TEST_USER"
SANE_USER = re.compile(r"[A-Za-z0-9._:@-]{1,64}")


@dataclass(frozen=True)
class RateLimit:
    """A limit.

    Attributes:
        name: What is counted together.
        requests: How many one user may make in any ``WINDOW_S`` seconds.
    """

    name: str
    requests: int


DASHBOARD = RateLimit("dashboard", 60)
SESSIONS = RateLimit("sessions", 120)
# Nobody starts ten sessions a second by hand; what is beyond that would only fill the database.
SESSION_STARTS = RateLimit("session-starts", 600)
CONFIG = RateLimit("config", 120)
CONFIG_CHANGES = RateLimit("config-changes", 10)


class RateLimits:
    """Refuses what is beyond the limits, before anything is done for it.

    Args:
        windows: Where requests are counted.
        limits: The limit of each endpoint that has one.
        allow_load_test: Whether tokens with the scope ``load-test`` are exempt.
    """

    def __init__(self, windows: Windows, limits: Mapping[str, RateLimit], *, allow_load_test: bool) -> None:
        self._windows = windows
        self._limits = limits
        self._allow_load_test = allow_load_test

    def install(self, app: Flask) -> None:
        """Hook into an application, after what makes ``g.grant``."""
        app.before_request(self._admit)

    def _admit(self) -> None:
        asked = request._get_current_object()  # type: ignore[attr-defined]  # the proxy looks it up at each use
        limit = self._limits.get(asked.endpoint or "")
        if limit is None or asked.method == "OPTIONS":
            return
        user = self._user(g.grant)
        if user is None:
            return
        admission = self._windows.take(f"{limit.name}/{user}", limit.requests)
        reset = str(math.ceil(admission.reset_s))
        told = {
            "RateLimit-Limit": str(limit.requests),
            "RateLimit-Remaining": str(admission.remaining),
            "RateLimit-Reset": reset,
        }
        after_this_request(partial(_tell, told))
        if not admission.admitted:
            metrics.RATE_LIMIT_REJECTIONS.labels(asked.method, asked.url_rule).inc()
            detail = f"A user has {limit.requests} requests of {limit.name} in any {WINDOW_S} s; wait for {reset} s."
            raise Problem(429, detail, headers={"Retry-After": reset})

    def _user(self, grant: Grant) -> str | None:
        """Whose request counts, None when it counts for nobody. Users that load tests make up are never real ones.

        Raises:
            Problem: 400, nobody can be called what the load test says.
        """
        if not self._allow_load_test or LOAD_TEST not in grant.scopes:
            return f"user/{grant.name}"
        made_up = request.environ.get(LOAD_TEST_USER_KEY)
        if made_up is None:
            return None
        if not SANE_USER.fullmatch(made_up):
            raise Problem(400, f"{LOAD_TEST_USER} takes 1 to 64 letters, digits and ._:@-")
        return f"load-test/{made_up}"


def _tell(told: Mapping[str, str], response: Response) -> Response:
    response.headers.update(told)
    return response
