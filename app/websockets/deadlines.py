"""When each client is to be attended to next."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator
from itertools import count

from app.websockets.client import Client


class Agenda:
    """One appointment a client, the latest that was made. All costs a logarithm of their number, however many wait."""

    def __init__(self) -> None:
        # Appointments that were replaced stay until their time; the number keeps clients from being compared.
        self._heap: list[tuple[float, int, Client]] = []
        self._numbers = count()

    def put(self, client: Client, at: float) -> None:
        """Attend to a client at a time on the monotonic clock, and not when it was planned before."""
        client.due = at
        heapq.heappush(self._heap, (at, next(self._numbers), client))

    def remove(self, client: Client) -> None:
        """Don't attend to a client any more."""
        client.due = math.inf

    def pause_s(self) -> float | None:
        """Seconds for which there is nothing to do; None: for ever."""
        return max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None

    def due(self) -> Iterator[Client]:
        """Those whose time has come, each once."""
        now = time.monotonic()
        while self._heap and self._heap[0][0] <= now:
            at, _, client = heapq.heappop(self._heap)
            if at == client.due:
                client.due = math.inf
                yield client
