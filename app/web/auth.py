"""Authentication: every request below `/api/` needs a bearer token with the scope of its method."""

from __future__ import annotations

from flask import Flask, g, request

from app.security.tokens import TokenVerifier
from app.web.problems import ApiProblemError

PROTECTED = "/api/"
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def required_scope(method: str) -> str:
    """The scope that a request of this method needs."""
    return "read" if method in READING_METHODS else "write"


def bearer_token() -> str | None:
    """The token in the current request's `Authorization`; None when there is none."""
    scheme, _, token = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


class Authentication:
    """Refuses requests without a valid token of the required scope; sets `g.grant` for the others."""

    def __init__(self, tokens: TokenVerifier) -> None:
        self._tokens = tokens

    def install(self, app: Flask) -> None:
        """Register with an application."""
        app.before_request(self._authenticate)

    def _authenticate(self) -> None:
        current = request._get_current_object()  # type: ignore[attr-defined]  # the proxy looks it up at each use
        if not current.path.startswith(PROTECTED):
            return
        if "HTTP_AUTHORIZATION" not in current.environ and current.url_rule is not None and current.url_rule.websocket:
            return  # the token comes in the first message, since browsers can't send the header
        token = bearer_token()
        if token is None:
            detail = "Send a token: Authorization: Bearer TOKEN."
            raise ApiProblemError(401, detail, headers={"WWW-Authenticate": "Bearer"})
        grant = self._tokens.verify(token)
        if grant is None:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise ApiProblemError(401, "The token is invalid, expired or revoked.", headers=headers)
        scope = required_scope(current.method)
        if scope not in grant.scopes:
            headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
            raise ApiProblemError(403, f"The token lacks the scope {scope}.", headers=headers)
        g.grant = grant
