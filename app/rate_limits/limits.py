"""The rate limits of the routes: `RateLimit-*` headers, and 429 for requests that exceed a limit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from flask import Flask, Response, after_this_request, g, request

from app.observability import metrics
from app.rate_limits.windows import SlidingWindows
from app.security.tokens import LOAD_TEST, Grant
from app.web.problems import ApiProblemError

WINDOW_S = 60
LOAD_TEST_USER = "X-Load-Test-User"
LOAD_TEST_USER_KEY = "HTTP_X_LOAD_TEST_USER"
VALID_USER = re.compile(r"[A-Za-z0-9._:@-]{1,64}")


@dataclass(frozen=True)
class RateLimit:
    """How many requests a user may make in any `WINDOW_S` seconds."""

    name: str
    """Requests to routes with limits of the same name are counted together."""
    requests: int
    """Requests that one user may make in any `WINDOW_S` seconds."""


DASHBOARD = RateLimit("dashboard", 60)
SESSIONS = RateLimit("sessions", 120)
# Nobody starts ten sessions a second by hand; more would only fill the database.
SESSION_STARTS = RateLimit("session-starts", 600)
CONFIG = RateLimit("config", 120)
CONFIG_CHANGES = RateLimit("config-changes", 10)


class RateLimiter:
    """Refuses requests that exceed a limit, before any work is done for them.

    Args:
        windows: Where requests are counted.
        limits: The limit of each endpoint that has one.
        allow_load_test: Whether tokens with the scope `load-test` are exempt.
    """

    def __init__(self, windows: SlidingWindows, limits: Mapping[str, RateLimit], *, allow_load_test: bool) -> None:
        self._windows = windows
        self._limits = limits
        self._allow_load_test = allow_load_test

    def install(self, app: Flask) -> None:
        """Register with an application, after the hook that sets `g.grant`."""
        app.before_request(self._check)

    def _check(self) -> None:
        current = request._get_current_object()  # type: ignore[attr-defined]  # the proxy looks it up at each use
        limit = self._limits.get(current.endpoint or "")
        if limit is None or current.method == "OPTIONS":
            return
        user = self._counted_user(g.grant)
        if user is None:
            return
        admission = self._windows.admit(f"{limit.name}/{user}", limit.requests)
        reset = str(math.ceil(admission.reset_s))
        headers = {
            "RateLimit-Limit": str(limit.requests),
            "RateLimit-Remaining": str(admission.remaining),
            "RateLimit-Reset": reset,
        }
        after_this_request(partial(_add_headers, headers))
        if not admission.admitted:
            metrics.RATE_LIMIT_REJECTIONS.labels(current.method, current.url_rule).inc()
            detail = (
                f"A user may make {limit.requests} requests of {limit.name} in any {WINDOW_S} s; retry in {reset} s."
            )
            raise ApiProblemError(429, detail, headers={"Retry-After": reset})

    def _counted_user(self, grant: Grant) -> str | None:
        """The user to count the request for; None when it isn't limited. Load tests never count for a real user.

        Raises:
            ApiProblemError: 400, the load test names no valid user.
        """
        if not self._allow_load_test or LOAD_TEST not in grant.scopes:
            return f"user/{grant.name}"
        simulated_user = request.environ.get(LOAD_TEST_USER_KEY)
        if simulated_user is None:
            return None
        if not VALID_USER.fullmatch(simulated_user):
            raise ApiProblemError(400, f"{LOAD_TEST_USER} takes 1 to 64 letters, digits and ._:@-")
        return f"load-test/{simulated_user}"


def _add_headers(headers: Mapping[str, str], response: Response) -> Response:
    response.headers.update(headers)
    return response
