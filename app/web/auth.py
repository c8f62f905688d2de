"""Who asks: every request below ``/api/`` needs a token."""

from __future__ import annotations

from flask import Flask, g, request

from app.security.tokens import Tokens
from app.web.problems import Problem

PROTECTED = "/api/"
READING = frozenset({"GET", "HEAD", "OPTIONS"})


def needed_scope(method: str) -> str:
    """Tell the scope that a request of this method needs."""
    return "read" if method in READING else "write"


def bearer_token() -> str | None:
    """The token in the current request's ``Authorization``, None when there is none."""
    scheme, _, token = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


class Authentication:
    """Lets nobody in without a valid token that has the scope; what it allows becomes ``g.grant``."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def install(self, app: Flask) -> None:
        """Hook into an application."""
        app.before_request(self._authenticate)

    def _authenticate(self) -> None:
        asked = request._get_current_object()  # type: ignore[attr-defined]  # the proxy looks it up at each use
        if not asked.path.startswith(PROTECTED):
            return
        if "HTTP_AUTHORIZATION" not in asked.environ and asked.url_rule is not None and asked.url_rule.websocket:
            return  # its first message brings the token, since browsers can't send the header
        token = bearer_token()
        if token is None:
            detail = "Send a token: Authorization: Bearer TOKEN."
            raise Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})
        grant = self._tokens.check(token)
        if grant is None:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise Problem(401, "The token is invalid, expired or revoked.", headers=headers)
        needed = needed_scope(asked.method)
        if needed not in grant.scopes:
            headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'}
            raise Problem(403, f"The token lacks the scope {needed}.", headers=headers)
        g.grant = grant
