"""Deliveries: which published event reached which listener, when, and in which order.

One delivery is one event reaching one listener. A listener's message and the response to the publishing request are
matched by the event's id, whichever comes first; messages of events that this load did not publish are ignored. A
delivery is due when its event is due, sent when the bytes of the publishing request leave, and ends when the listener
has the message.

Order: an event was published after another if its request was sent when the other's already had its response; two whose
publishing overlaps have no order. Where a listener gets an event after one that was published later, the error
`out_of_order` is counted, once for each such event and listener; where it gets one more than once, `duplicate`.
"""

from array import array
from collections import deque
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeGuard

from loadtasks.engine.http.exchange import Exchange
from loadtasks.engine.http.json_values import equal, key_of, parse_json, shown, value_at
from loadtasks.engine.http.response_recording import slow_request
from loadtasks.engine.recording.failure import RequestFailure
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.model import Event

_MAX_FOREIGN = 10_000
"""Events that this load has not published, or not yet, of which it is remembered whom they reached."""
MAX_ID = 1000
"""Characters of an event's id."""
_SHORT = 65_536
_KEPT_SHORT, _KEPT_LONG = 256, 2
"""A message that many listeners get is parsed once: so many of the last ones are kept, up to this length and above."""


def is_id(value: object) -> TypeGuard[str | int | float]:
    """Whether a value of a message or a response can be an event's id."""
    return len(value) <= MAX_ID if isinstance(value, str) else isinstance(value, int | float)


class Broadcast:
    """One event, and when it reached which listener."""

    __slots__ = ("duplicates", "exchange", "id", "key", "number", "reached", "times")

    def __init__(self, event_id: str | float, number: int, listeners: int) -> None:
        self.id = shown(event_id)
        """For people."""
        self.key = key_of(event_id)
        self.number = number
        """In the order in which the events were first seen."""
        self.exchange: Exchange | None = None
        """The publishing request; None before its response, and for an event that this load did not publish."""
        self.reached = 0
        """How many listeners have the event."""
        self.duplicates = 0
        self.times = array("d", bytes(8 * listeners))
        """By listener; 0 for one that doesn't have the event."""


class Deliveries:
    """Accounts for all deliveries of one load, in twelve bytes each until the event has reached every listener."""

    def __init__(self, event: Event, listeners: int, timeout_s: float, recorder: Recorder) -> None:
        self._event = event
        self._listeners = listeners
        self._timeout_s = timeout_s
        self._recorder = recorder
        self._seen = 0
        """How many events were seen."""
        self._by_id: dict[str, Broadcast] = {}
        self._foreign: deque[Broadcast] = deque()
        """In the order in which they were first seen: those that were not published by this load then."""
        self._orders = [array("I") for _ in range(listeners)]
        """By listener: numbers of the events, in the order in which they came."""
        self._pending: dict[str, Broadcast] = {}
        """Published, and not yet with every listener."""
        self._reached_all = array("d", [1.0]) * listeners
        """In place of the times of every event that has reached every listener and is recorded."""
        self._broadcast_in_short = lru_cache(_KEPT_SHORT)(self._broadcast_in)
        self._broadcast_in_long = lru_cache(_KEPT_LONG)(self._broadcast_in)

    def arrived(self, listener: int, message: str | bytes, now: float) -> None:
        """A listener got a message, at a time of `time.perf_counter`."""
        recognise = self._broadcast_in_short if len(message) <= _SHORT else self._broadcast_in_long
        broadcast = recognise(message)
        if broadcast is None:
            return
        if broadcast.times[listener]:
            broadcast.duplicates += 1
            return
        broadcast.times[listener] = now
        broadcast.reached += 1
        self._orders[listener].append(broadcast.number)
        if broadcast.reached == self._listeners and broadcast.exchange is not None:
            self._settle(broadcast, broadcast.exchange)

    def published(self, event_id: str | float, exchange: Exchange) -> bool:
        """The response to a publishing request names an event's id. Returns whether it is the first with this id."""
        broadcast = self._broadcast(event_id)
        if broadcast.exchange is not None:
            return False
        broadcast.exchange = exchange
        self._pending[broadcast.key] = broadcast
        if broadcast.reached == self._listeners:
            self._settle(broadcast, exchange)
        return True

    def all_delivered(self, listening: Iterable[int]) -> bool:
        """Whether every published event has reached all of these listeners."""
        return not self._pending or all(
            broadcast.times[listener] for broadcast in self._pending.values() for listener in listening
        )

    def end(self, now: float, lost: Mapping[int, str]) -> None:
        """Record what is missing, duplicate or out of order. `lost`: by listener, why it no longer listens."""
        for broadcast in list(self._pending.values()):
            if broadcast.exchange is not None:
                self._record(broadcast, broadcast.exchange, now, lost)
        self._pending.clear()
        self._note_order()
        for broadcast in self._by_id.values():
            if broadcast.exchange is not None:
                for _ in range(broadcast.duplicates):
                    self._recorder.note(ErrorCode.DUPLICATE, f"event {broadcast.id} reached a listener more than once")

    def _broadcast(self, event_id: str | float) -> Broadcast:
        key = key_of(event_id)
        known = self._by_id.get(key)
        if known is None:
            known = self._by_id[key] = Broadcast(event_id, self._seen, self._listeners)
            self._seen += 1
            self._foreign.append(known)
            if len(self._foreign) > _MAX_FOREIGN:
                self._forget(self._foreign.popleft())
        return known

    def _forget(self, broadcast: Broadcast) -> None:
        """Forget an event that this load has not published: what others publish must not fill the memory."""
        if broadcast.exchange is None:
            del self._by_id[broadcast.key]

    def _broadcast_in(self, message: str | bytes) -> Broadcast | None:
        """The event that a message is of; None where it is of none."""
        try:
            document = parse_json(message)
            if not all(equal(value_at(document, path), expected) for path, expected in self._event.where.items()):
                return None
            found = value_at(document, self._event.id)
            return self._broadcast(found) if is_id(found) else None
        except (ValueError, RecursionError):
            return None

    def _settle(self, broadcast: Broadcast, exchange: Exchange) -> None:
        """Record an event that has reached every listener, and forget when."""
        self._record(broadcast, exchange, 0.0, {})
        broadcast.times = self._reached_all
        del self._pending[broadcast.key]

    def _record(self, broadcast: Broadcast, exchange: Exchange, now: float, lost: Mapping[int, str]) -> None:
        recorder, due, sent = self._recorder, exchange.due, exchange.sent
        for listener, at in enumerate(broadcast.times):
            if not at:
                gone = f": {lost[listener]}" if listener in lost else ""
                never = RequestFailure(ErrorCode.MISSED, f"event {broadcast.id} never reached a listener{gone}")
                recorder.fail(never, due, sent, now)
            elif at < sent:
                early = RequestFailure(
                    ErrorCode.MISSED, f"event {broadcast.id} reached a listener before it was published"
                )
                recorder.fail(early, due, sent, sent + self._timeout_s)
            elif at - sent > self._timeout_s:
                late = RequestFailure(
                    ErrorCode.MISSED, f"event {broadcast.id} took {at - sent:.1f} s to reach a listener"
                )
                recorder.fail(late, due, sent, at)
            else:
                recorder.complete(due, sent, at)
        recorder.phase("publish", exchange.end - sent)
        if broadcast.reached:
            first = min(at for at in broadcast.times if at)
            recorder.phase("first_delivery", max(0.0, first - sent))
            recorder.phase("fan_out", max(broadcast.times) - first)
        slowest = max(at or now for at in broadcast.times)
        if slowest - due > recorder.slowest.from_s:
            # In the target's logs it is found by the request that published the event.
            recorder.slowest.keep(slow_request(exchange, slowest))

    def _note_order(self) -> None:
        """Count the events that reached a listener after one that was published later."""
        published = {known.number: known for known in self._by_id.values()}
        for order in self._orders:
            latest: tuple[str, Exchange] | None = None
            for number in order:
                broadcast = published.get(number)
                exchange = broadcast.exchange if broadcast is not None else None
                if broadcast is None or exchange is None:
                    continue
                if latest is not None and exchange.end < latest[1].sent:
                    self._recorder.note(
                        ErrorCode.OUT_OF_ORDER,
                        f"event {broadcast.id} reached a listener after event {latest[0]}, which was published only "
                        f"after the response to {broadcast.id}",
                    )
                if latest is None or exchange.sent > latest[1].sent:
                    latest = broadcast.id, exchange
