"""Checks the tokens of WebSocket clients: at the door where the first message brings one, and with the heartbeats."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from wsproto.frame_protocol import CloseReason

from app.security.tokens import Grant
from app.web.auth import needed_scope

SCOPE = needed_scope("GET")
JOIN_S = 2.0

log = logging.getLogger(__name__)

Check = Callable[[str], Grant | None]


class Refusal(NamedTuple):
    """Why a client is closed, and the code that says so."""

    code: CloseReason
    reason: str


UNKNOWN = Refusal(CloseReason.POLICY_VIOLATION, "the token is unknown, expired or revoked")
INSUFFICIENT = Refusal(CloseReason.POLICY_VIOLATION, f"the token lacks the scope {SCOPE}")
UNCHECKED = Refusal(CloseReason.TRY_AGAIN_LATER, "the token can't be checked now")
NO_TOKEN = Refusal(CloseReason.POLICY_VIOLATION, 'the first message must be {"token": "..."}')
LATE = Refusal(CloseReason.POLICY_VIOLATION, "no token within the time")


def token_of(message: str) -> str:
    """The token that a client's first message tells, empty when it tells none."""
    try:
        told = json.loads(message)
    except (ValueError, RecursionError):
        return ""
    token = told.get("token") if isinstance(told, dict) else None
    return token if isinstance(token, str) else ""


class Doorman:
    """Checks tokens in a thread of its own, since a check may have to wait for the database.

    Args:
        check: Tells what a token allows, None for nothing.
    """

    def __init__(self, check: Check) -> None:
        self._check = check
        self._questions: queue.SimpleQueue[tuple[str, Callable[[Refusal | None], None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="doorman", daemon=True)
        self._thread.start()

    def ask(self, token: str, answer: Callable[[Refusal | None], None]) -> None:
        """Have a token checked; what is found is told from the doorman's thread, None when it is good."""
        self._questions.put((token, answer))

    def close(self) -> None:
        """End; what wasn't answered yet never is."""
        self._questions.put(None)
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        while question := self._questions.get():
            token, answer = question
            answer(self._look_at(token))

    def _look_at(self, token: str) -> Refusal | None:
        try:
            grant = self._check(token)
        except Exception:
            log.exception("a WebSocket client's token could not be checked")
            return UNCHECKED
        if grant is None:
            return UNKNOWN
        return None if SCOPE in grant.scopes else INSUFFICIENT
