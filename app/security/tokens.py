"""Access tokens: JSON Web Tokens (RFC 7519), signed with HS256 and with nothing else.

Claims: ``sub`` is the user's name, ``scope`` what it may do, separated by spaces, ``iat`` the moment of issue, ``exp``
the end (for ever without), ``jti`` an id.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import jwt
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from app.security.revocations import Revocations

LOAD_TEST = "load-test"
USUAL_SCOPES = ("read", "write")
SCOPES = (*USUAL_SCOPES, LOAD_TEST)
ALGORITHM = "HS256"
TOKEN_BYTES_MAX = 4096
NAME_MAX = 64
REMEMBERED_S = 10.0
REMEMBERED_TOKENS = 1024


def check_name(name: str) -> str:
    """See that a user can be called this, and give it back.

    Raises:
        ValueError: It is empty, too long or not printable.
    """
    if not 0 < len(name) <= NAME_MAX or not name.isprintable():
        raise ValueError(f"a name has 1 to {NAME_MAX} printable characters")
    return name


class _Claims(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    sub: Annotated[str, AfterValidator(check_name)]
    scope: str
    iat: float
    exp: float = math.inf


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows.

    Attributes:
        name: The user whom it was made for.
        scopes: Some of ``SCOPES``.
        expires_at: Unix time in seconds at which it ends, infinite when it doesn't.
    """

    name: str
    scopes: frozenset[str]
    expires_at: float


def sign(key: str, name: str, scopes: tuple[str, ...] = USUAL_SCOPES, ttl: timedelta | None = None) -> str:
    """Make a token.

    Args:
        key: What it is signed with.
        name: The user whom it is for.
        scopes: Some of ``SCOPES``.
        ttl: How long it is valid; for ever when None.

    Raises:
        ValueError: Nobody can be called that.
    """
    now = time.time()
    id_ = secrets.token_hex(8)
    claims: dict[str, Any] = {"sub": check_name(name), "scope": " ".join(scopes), "iat": now, "jti": id_}
    if ttl is not None:
        claims["exp"] = math.ceil(now + ttl.total_seconds())
    return jwt.encode(claims, key, ALGORITHM)


class Tokens:
    """Checks tokens. What one allows is remembered for ten seconds, so a revocation takes that long.

    Args:
        keys: A token is good that was signed with any of them.
        revocations: Those that count all the same.
    """

    def __init__(self, keys: tuple[str, ...], revocations: Revocations) -> None:
        self._keys = keys
        self._revocations = revocations
        self._remembered: dict[bytes, tuple[float, Grant]] = {}
        self._lock = threading.Lock()

    def check(self, token: str) -> Grant | None:
        """Tell what a token allows, or None when it is no token of ours, expired or revoked."""
        if len(token) > TOKEN_BYTES_MAX or not token.isascii():
            return None
        digest = hashlib.sha256(token.encode()).digest()
        until, grant = self._remembered.get(digest, (0.0, None))
        if grant is None or until < time.monotonic():
            grant = self._verify(token)
            self._remember(digest, grant)
        return grant if grant and grant.expires_at > time.time() else None

    def _verify(self, token: str) -> Grant | None:
        try:
            claims = _Claims.model_validate(self._decode(token))
        except (jwt.InvalidTokenError, ValidationError):
            return None
        if self._revocations.holds_for(claims.sub, claims.iat):
            return None
        return Grant(claims.sub, frozenset(claims.scope.split()), claims.exp)

    def _decode(self, token: str) -> dict[str, Any]:
        for key in self._keys[:-1]:
            try:
                return jwt.decode(token, key, [ALGORITHM])
            except jwt.InvalidSignatureError:
                pass
        return jwt.decode(token, self._keys[-1], [ALGORITHM])

    def _remember(self, digest: bytes, grant: Grant | None) -> None:
        with self._lock:
            if grant is None:
                self._remembered.pop(digest, None)
                return
            if len(self._remembered) >= REMEMBERED_TOKENS:
                self._remembered.clear()
            self._remembered[digest] = (time.monotonic() + REMEMBERED_S, grant)
