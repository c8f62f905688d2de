"""Access tokens: JSON Web Tokens (RFC 7519), signed with HS256 and with nothing else.

Claims: `sub` is the user's name, `scope` the scopes separated by spaces, `iat` the time of issue, `exp` the time of
expiry (none: the token never expires), `jti` an id.
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
DEFAULT_SCOPES = ("read", "write")
SCOPES = (*DEFAULT_SCOPES, LOAD_TEST)
ALGORITHM = "HS256"
MAX_TOKEN_BYTES = 4096
MAX_NAME_LENGTH = 64
CACHED_S = 10.0
MAX_CACHED_TOKENS = 1024


def check_name(name: str) -> str:
    """Validate a user's name and return it.

    Raises:
        ValueError: The name is empty, too long or not printable.
    """
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise ValueError(f"a name has 1 to {MAX_NAME_LENGTH} printable characters")
    return name


class _Claims(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    sub: Annotated[str, AfterValidator(check_name)]
    scope: str
    iat: float
    exp: float = math.inf


@dataclass(frozen=True, slots=True)
class Grant:
    """What a valid token permits."""

    name: str
    """The user that the token was issued to."""
    scopes: frozenset[str]
    """Some of `SCOPES`."""
    expires_at: float
    """Unix time in seconds at which the token expires; infinite if it doesn't."""


def issue_token(key: str, name: str, scopes: tuple[str, ...] = DEFAULT_SCOPES, ttl: timedelta | None = None) -> str:
    """Issue a signed token.

    Args:
        key: The key that signs it.
        name: The user that it is issued to.
        scopes: Some of `SCOPES`.
        ttl: How long it is valid; None: it never expires.

    Raises:
        ValueError: The name is invalid.
    """
    now = time.time()
    id_ = secrets.token_hex(8)
    claims: dict[str, Any] = {"sub": check_name(name), "scope": " ".join(scopes), "iat": now, "jti": id_}
    if ttl is not None:
        claims["exp"] = math.ceil(now + ttl.total_seconds())
    return jwt.encode(claims, key, ALGORITHM)


class TokenVerifier:
    """Verifies tokens. A result is cached for `CACHED_S` seconds, so a revocation takes effect within that time.

    Args:
        keys: A token signed with any of these keys is accepted.
        revocations: Which tokens are revoked.
    """

    def __init__(self, keys: tuple[str, ...], revocations: Revocations) -> None:
        self._keys = keys
        self._revocations = revocations
        self._cached: dict[bytes, tuple[float, Grant]] = {}
        self._lock = threading.Lock()

    def verify(self, token: str) -> Grant | None:
        """Verify a token; None when it is invalid, expired or revoked."""
        if len(token) > MAX_TOKEN_BYTES or not token.isascii():
            return None
        digest = hashlib.sha256(token.encode()).digest()
        until, grant = self._cached.get(digest, (0.0, None))
        if grant is None or until < time.monotonic():
            grant = self._verify_uncached(token)
            self._cache(digest, grant)
        return grant if grant and grant.expires_at > time.time() else None

    def _verify_uncached(self, token: str) -> Grant | None:
        try:
            claims = _Claims.model_validate(self._decode(token))
        except (jwt.InvalidTokenError, ValidationError):
            return None
        if self._revocations.is_revoked(claims.sub, claims.iat):
            return None
        return Grant(claims.sub, frozenset(claims.scope.split()), claims.exp)

    def _decode(self, token: str) -> dict[str, Any]:
        for key in self._keys[:-1]:
            try:
                return jwt.decode(token, key, [ALGORITHM])
            except jwt.InvalidSignatureError:
                pass
        return jwt.decode(token, self._keys[-1], [ALGORITHM])

    def _cache(self, digest: bytes, grant: Grant | None) -> None:
        with self._lock:
            if grant is None:
                self._cached.pop(digest, None)
                return
            if len(self._cached) >= MAX_CACHED_TOKENS:
                self._cached.clear()
            self._cached[digest] = (time.monotonic() + CACHED_S, grant)
