"""When each client needs attention next."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator
from itertools import count

from app.websockets.client import WebSocketClient


class Deadlines:
    """A priority queue with one deadline per client, the last one set; each operation costs a logarithm of its size."""

    def __init__(self) -> None:
        # Replaced deadlines stay in the heap until they are due; the numbers keep heapq from comparing clients.
        self._heap: list[tuple[float, int, WebSocketClient]] = []
        self._numbers = count()

    def set(self, client: WebSocketClient, at: float) -> None:
        """Set a client's deadline, on the monotonic clock; it replaces an earlier one."""
        client.due = at
        heapq.heappush(self._heap, (at, next(self._numbers), client))

    def remove(self, client: WebSocketClient) -> None:
        """Remove a client's deadline."""
        client.due = math.inf

    def remaining_s(self) -> float | None:
        """Seconds until the next deadline; None when there is none."""
        return max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None

    def take_due(self) -> Iterator[WebSocketClient]:
        """The clients whose deadline has passed, each once; it is removed."""
        now = time.monotonic()
        while self._heap and self._heap[0][0] <= now:
            at, _, client = heapq.heappop(self._heap)
            if at == client.due:
                client.due = math.inf
                yield client
