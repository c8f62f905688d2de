"""Verifies the tokens of WebSocket clients: a token in the first message, and every token again with each heartbeat."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from wsproto.frame_protocol import CloseReason

from app.security.tokens import Grant
from app.web.auth import required_scope

SCOPE = required_scope("GET")
JOIN_S = 2.0

log = logging.getLogger(__name__)

Verify = Callable[[str], Grant | None]


class Refusal(NamedTuple):
    """Why a client is closed: the close code and the reason."""

    code: CloseReason
    reason: str


INVALID = Refusal(CloseReason.POLICY_VIOLATION, "the token is invalid, expired or revoked")
INSUFFICIENT = Refusal(CloseReason.POLICY_VIOLATION, f"the token lacks the scope {SCOPE}")
UNVERIFIED = Refusal(CloseReason.TRY_AGAIN_LATER, "the token can't be verified now")
NO_TOKEN = Refusal(CloseReason.POLICY_VIOLATION, 'the first message must be {"token": "..."}')
LATE = Refusal(CloseReason.POLICY_VIOLATION, "no token within the time limit")


def token_from(message: str) -> str:
    """The token in a client's first message; empty when there is none."""
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        return ""
    token = content.get("token") if isinstance(content, dict) else None
    return token if isinstance(token, str) else ""


class TokenChecker:
    """Verifies tokens in a thread of its own, since verification may wait for the database.

    Args:
        verify: Returns what a token permits; None when it is invalid.
    """

    def __init__(self, verify: Verify) -> None:
        self._verify = verify
        self._checks: queue.SimpleQueue[tuple[str, Callable[[Refusal | None], None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="token-checker", daemon=True)
        self._thread.start()

    def check(self, token: str, callback: Callable[[Refusal | None], None]) -> None:
        """Verify a token; the callback gets the result in the checker's thread, None when the token is valid."""
        self._checks.put((token, callback))

    def close(self) -> None:
        """End the thread; checks that are still queued are dropped."""
        self._checks.put(None)
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        while check := self._checks.get():
            token, callback = check
            callback(self._refusal(token))

    def _refusal(self, token: str) -> Refusal | None:
        try:
            grant = self._verify(token)
        except Exception:
            log.exception("a WebSocket client's token could not be verified")
            return UNVERIFIED
        if grant is None:
            return INVALID
        return None if SCOPE in grant.scopes else INSUFFICIENT
