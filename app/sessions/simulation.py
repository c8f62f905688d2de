"""Simulates the work of started sessions, with one thread for all of them."""

from __future__ import annotations

import heapq
import logging
import random
import threading
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.events.publisher import COMPLETED, FAILED, PROGRESS, EventPublisher
from app.sessions.queries import fetch_sessions, select_sessions
from app.storage.database import AppDatabase
from app.storage.models import OPEN, OptimizationSession, Status

JOIN_S = 2.0
RETRY_S = 1.0

log = logging.getLogger(__name__)


class Simulation:
    """Advances sessions step by step to their end.

    The results depend on the session's id only. Sessions that are open at the start are resumed; if another instance
    works on them too, each step is made once, by the instance that is first.

    Args:
        database: Where the sessions are.
        events: Publishes the steps.
        duration_s: Seconds from the start of a session to its end.
        steps: Number of steps, at equal intervals.
        failure_every: Sessions whose id is a multiple of this number fail; 0: none do.
    """

    def __init__(
        self, database: AppDatabase, events: EventPublisher, *, duration_s: float, steps: int, failure_every: int
    ) -> None:
        self._database = database
        self._events = events
        self._steps = steps
        self._pause_s = duration_s / steps
        self._failure_every = failure_every
        # (due time on the monotonic clock, session id, next step)
        self._due_steps: list[tuple[float, int, int]] = []
        self._changed = threading.Condition()
        self._stopping = False
        for session_id, step in self._open_sessions():
            self.add(session_id, step)
        self._thread = threading.Thread(target=self._run, name="simulation", daemon=True)
        self._thread.start()

    def add(self, session_id: int, step: int = 1) -> None:
        """Start to work on a session, at its first step or a later one."""
        self._plan([(time.monotonic() + self._pause_s, session_id, min(step, self._steps))])

    def close(self) -> None:
        """End the thread; open sessions stay open."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(JOIN_S)

    def _open_sessions(self) -> list[tuple[int, int]]:
        """The ids of the open sessions, with the number of their next step."""
        table = OptimizationSession
        statement = select(table.id, table.progress).where(_is_open(), table.simulated.is_(True))
        with self._database.read() as connection:
            return [(row.id, round(row.progress * self._steps) + 1) for row in connection.execute(statement)]

    def _run(self) -> None:
        while due := self._wait():
            try:
                self._make({session_id: step for _, session_id, step in due})
            except SQLAlchemyError:
                log.exception("updating %d sessions failed; retrying in %s s", len(due), RETRY_S)
                self._plan([(time.monotonic() + RETRY_S, session_id, step) for _, session_id, step in due])
            else:
                self._plan([(at + self._pause_s, session, step + 1) for at, session, step in due if step < self._steps])

    def _plan(self, steps: list[tuple[float, int, int]]) -> None:
        with self._changed:
            for step in steps:
                heapq.heappush(self._due_steps, step)
            self._changed.notify()

    def _wait(self) -> list[tuple[float, int, int]]:
        """Wait until steps are due and remove them from the queue; an empty list when stopping."""
        with self._changed:
            while not self._stopping:
                if not self._due_steps:
                    self._changed.wait()
                elif (remaining_s := self._due_steps[0][0] - time.monotonic()) > 0:
                    self._changed.wait(remaining_s)
                else:
                    due, now = [], time.monotonic()
                    while self._due_steps and self._due_steps[0][0] <= now:
                        due.append(heapq.heappop(self._due_steps))
                    return due
        return []

    def _make(self, steps: dict[int, int]) -> None:
        """Make the steps that no other instance has made, and publish them."""
        now = datetime.now(UTC)
        table, made = OptimizationSession, list[int]()
        with self._database.write() as connection:
            # All instances update in the same order, so that they can't deadlock on each other's rows.
            for session_id, step in sorted(steps.items()):
                is_ahead = table.progress < step / self._steps
                statement = update(table).where(table.id == session_id, _is_open(), is_ahead).returning(table.id)
                change = self._change(session_id, step)
                made += connection.scalars(statement.values(updated_at=now, **change))
            sessions = fetch_sessions(connection, select_sessions(made)) if made else []
        kinds = {Status.COMPLETED.value: COMPLETED, Status.FAILED.value: FAILED}
        for session in sessions:
            self._events.publish(kinds.get(session["status"], PROGRESS), session)

    def _change(self, session_id: int, step: int) -> dict[str, Any]:
        if step < self._steps:
            return {"status": Status.RUNNING.value, "progress": step / self._steps}
        if self._failure_every and session_id % self._failure_every == 0:
            return {"status": Status.FAILED.value, "failure": "the accuracy fell below the limit"}
        return {"status": Status.COMPLETED.value, "progress": 1.0, **draw_results(random.Random(session_id))}  # noqa: S311


def _is_open() -> ColumnElement[bool]:
    return OptimizationSession.status.in_([status.value for status in OPEN])


def draw_results(generator: random.Random) -> dict[str, float]:
    """Draw random results of a completed session."""
    return {
        "size_reduction": round(generator.betavariate(4, 4), 4),
        "speedup": round(1 + generator.gammavariate(3, 0.5), 3),
        "accuracy_change": round(generator.gauss(-0.006, 0.004), 5),
    }
