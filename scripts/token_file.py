"""The token with which Airflow's tasks reach the shipped API: short-lived, in a file, renewed before it expires."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts import CannotStartError

LIFETIME_S = 6 * 3600.0
"""Longer than a task may take, which reads the token at its beginning (4 hours, see loadtasks/airflow/dag_factory)."""
RENEWED_EVERY_S = 3600.0
_RETRIED_AFTER_S = 60.0


@dataclass
class TokenFile:
    """A file with a token that never expires as long as somebody calls `renew_when_due`."""

    path: Path
    sign: Callable[[float], str]
    """Signs a token that is valid for so many seconds. Raises CannotStartError."""
    now: Callable[[], float] = time.time
    """Wall clock: tokens expire by it, also while a laptop sleeps."""
    _due: float = 0.0

    def renew_when_due(self) -> str | None:
        """Write a new token in place of the old one when it is time. Returns why that failed; it is tried again."""
        if self.now() < self._due:
            return None
        try:
            self._write(self.sign(LIFETIME_S))
        except (CannotStartError, OSError) as error:
            self._due = self.now() + _RETRIED_AFTER_S
            return str(error)
        self._due = self.now() + RENEWED_EVERY_S
        return None

    def _write(self, token: str) -> None:
        unfinished = self.path.with_suffix(".partial")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token)
        unfinished.replace(self.path)
