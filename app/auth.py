"""Bearer tokens: made, checked and revoked."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, g, request
from sqlalchemy import delete, insert, or_, select, update

from app.database import Database
from app.models import Token
from app.problems import Problem

SCOPES = ("read", "write")
PROTECTED = "/api/"
SHORTEST = 32
READING = frozenset({"GET", "HEAD", "OPTIONS"})
REMEMBERED_S = 10.0
REMEMBERED_TOKENS = 1024


@dataclass(frozen=True)
class Grant:
    """What a token allows.

    Attributes:
        name: Whom it was made for.
        scopes: Some of ``SCOPES``.
        expires_at: Unix time in seconds at which it ends, infinite when it doesn't.
    """

    name: str
    scopes: frozenset[str]
    expires_at: float


def needed_scope(method: str) -> str:
    """Tell the scope that a request of this method needs."""
    return "read" if method in READING else "write"


def bearer_token() -> str | None:
    """The token in the current request's ``Authorization``, None when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _row(token: str, name: str, scopes: tuple[str, ...], ttl: timedelta | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "name": name,
        "sha256": _digest(token),
        "scopes": " ".join(scopes),
        "created_at": now,
        "expires_at": now + ttl if ttl is not None else None,
    }


class Tokens:
    """The tokens of the service. Checked ones are remembered for ten seconds, so a revocation takes that long."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: dict[str, tuple[float, Grant]] = {}
        self._lock = threading.Lock()

    def issue(self, name: str, scopes: tuple[str, ...] = SCOPES, ttl: timedelta | None = None) -> str:
        """Make a token and keep its digest.

        Args:
            name: Whom it is for.
            scopes: Some of ``SCOPES``.
            ttl: How long it is valid; for ever when None.

        Returns:
            The token, which can't be had again.
        """
        token = secrets.token_urlsafe(32)
        with self._database.write() as connection:
            connection.execute(insert(Token), _row(token, name, scopes, ttl))
        return token

    def accept(self, token: str, name: str, scopes: tuple[str, ...] = SCOPES, ttl: timedelta | None = None) -> None:
        """Keep a token that somebody else made, as the only one of its name; earlier ones of the name end.

        Args:
            token: At least ``SHORTEST`` characters.
            name: Whom it is for.
            scopes: Some of ``SCOPES``.
            ttl: How long it is valid; for ever when None.

        Raises:
            ValueError: It is shorter.
        """
        if len(token) < SHORTEST:
            raise ValueError(f"must have at least {SHORTEST} characters")
        row = _row(token, name, scopes, ttl)
        with self._database.write() as connection:
            connection.execute(delete(Token).where(or_(Token.name == name, Token.sha256 == row["sha256"])))
            connection.execute(insert(Token), row)

    def revoke(self, name: str) -> int:
        """Revoke all tokens of a name and tell how many they were."""
        with self._database.write() as connection:
            statement = update(Token).where(Token.name == name, Token.revoked.is_(False)).values(revoked=True)
            return connection.execute(statement).rowcount

    def check(self, token: str) -> Grant | None:
        """Tell what a token allows, or None when it is unknown, expired or revoked."""
        digest = _digest(token)
        until, grant = self._remembered.get(digest, (0.0, None))
        if grant is None or until < time.monotonic():
            grant = self._look_up(digest)
        return grant if grant and grant.expires_at > time.time() else None

    def _look_up(self, digest: str) -> Grant | None:
        statement = select(Token.name, Token.scopes, Token.expires_at)
        with self._database.read() as connection:
            row = connection.execute(statement.where(Token.sha256 == digest, Token.revoked.is_(False))).first()
        with self._lock:
            if row is None:
                self._remembered.pop(digest, None)
                return None
            if len(self._remembered) >= REMEMBERED_TOKENS:
                self._remembered.clear()
            expires_at = row.expires_at.timestamp() if row.expires_at else float("inf")
            grant = Grant(row.name, frozenset(row.scopes.split()), expires_at)
            self._remembered[digest] = (time.monotonic() + REMEMBERED_S, grant)
            return grant

    def install(self, app: Flask) -> None:
        """Ask for a token on every request below ``/api/`` of an application; what it allows becomes ``g.grant``."""
        app.before_request(self._authenticate)

    def _authenticate(self) -> None:
        if not request.path.startswith(PROTECTED):
            return
        if "Authorization" not in request.headers and request.url_rule is not None and request.url_rule.websocket:
            return  # its first message brings the token, since browsers can't send the header
        token = bearer_token()
        if token is None:
            detail = "Send a token: Authorization: Bearer TOKEN."
            raise Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})
        grant = self.check(token)
        if grant is None:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise Problem(401, "The token is unknown, expired or revoked.", headers=headers)
        needed = needed_scope(request.method)
        if needed not in grant.scopes:
            headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'}
            raise Problem(403, f"The token lacks the scope {needed}.", headers=headers)
        g.grant = grant
