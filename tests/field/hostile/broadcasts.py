"""Events that are published and delivered wrongly."""

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from tests.field.hostile.case import Kind, add
from tests.field.hostile.websocket_wire import accept, frame, frame_head
from tests.field.hostile.wire import MIB, Repeated, dripping, flooding, head, reset, stalling, wait_for_end, whole
from tests.servers import Handler

_DEPTH = 200_000
Deliver = Callable[[str], Iterable[bytes]]


class Room:
    """Listens and publishes on one path: an upgrade adds a listener, a POST sends the bytes of an event to all."""

    def __init__(
        self, deliver: Deliver, respond: Callable[[str], bytes] | Handler | None = None, greet: bytes = b""
    ) -> None:
        self._deliver = deliver
        self._respond = respond or _published
        self._greet = greet
        self._numbers = itertools.count(1)
        self._listeners: list[tuple[socket.socket, threading.Lock]] = []

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        if b"sec-websocket-key" not in request.lower():
            return self._publish(connection)
        listener = (connection, threading.Lock())
        connection.sendall(accept(request) + self._greet)
        self._listeners.append(listener)
        try:
            return wait_for_end(connection)
        finally:
            self._listeners.remove(listener)

    def _publish(self, connection: socket.socket) -> bool:
        event_id = f"e{next(self._numbers)}"
        senders = [
            threading.Thread(target=self._send, args=(*listener, event_id), daemon=True)
            for listener in list(self._listeners)
        ]
        for sender in senders:
            sender.start()
        connection.sendall(self._respond(event_id))  # type: ignore[call-arg, arg-type]
        return True

    def _send(self, listener: socket.socket, lock: threading.Lock, event_id: str) -> None:
        pieces = iter(self._deliver(event_id))
        first = next(pieces, b"")  # it may come late, and holds nobody up meanwhile
        with contextlib.suppress(OSError), lock:
            for piece in itertools.chain([first], pieces):
                listener.sendall(piece)


def _published(event_id: str) -> bytes:
    return whole(json.dumps({"id": event_id}).encode())


def _event(event_id: object, **more: Any) -> bytes:
    return frame(json.dumps({"type": "made", "id": event_id, **more}).encode())


def _raw(event_id: bytes) -> Deliver:
    return lambda _: [frame(b'{"type":"made","id":' + event_id + b"}")]


def _room(name: str, deliver: Deliver, *expected: str, respond: Any = None, greet: bytes = b"", **fields: Any) -> None:
    add(
        f"events_{name}",
        __name__,
        *expected,
        respond=Room(deliver, respond, greet),
        kind=Kind.BROADCAST,
        **fields,
    )


def _responding(name: str, make: Callable[[str], bytes], *expected: str, **fields: Any) -> None:
    _room(name, lambda event_id: [_event(event_id)], *expected, respond=make, **fields)


def _id_response(value: bytes) -> Callable[[str], bytes]:
    return lambda _: whole(b'{"id":' + value + b"}")


def _with_foreign(pieces: int) -> Deliver:
    """An event, and then as many times 1,000 events of somebody else, each with an id of its own."""

    def deliver(event_id: str) -> Iterable[bytes]:
        yield _event(event_id)
        for number in range(pieces):
            yield foreign.replace(b"0000", b"%04d" % number)

    foreign = b"".join(_event(f"foreign-0000-{number:03}") for number in range(1000))
    return deliver


def _slowly(data: bytes) -> Iterable[bytes]:
    for byte in data:
        yield bytes((byte,))
        time.sleep(0.05)


def _late(event_id: str) -> Iterable[bytes]:
    time.sleep(2)
    yield _event(event_id)


def _held_back(event_id: str) -> Iterable[bytes]:
    """Every other event only after the next one."""
    time.sleep(0.05 * (int(event_id[1:]) % 2))
    yield _event(event_id)


# What listeners get.
_room("never", lambda _: [], "missed")
_room("of_nested_json", _raw(b"[" * _DEPTH + b"]" * _DEPTH), "missed")
_room("of_open_brackets", lambda _: [frame(b"[" * 5_000_000)], "missed", "too_large")
_room("with_id_nested", _raw(b"[[[[1]]]]"), "missed")
_room("with_id_nested_900", _raw(b'{"a":' * 900 + b"1" + b"}" * 900), "missed")
_room("with_id_null", _raw(b"null"), "missed")
_room("with_id_true", _raw(b"true"), "missed")
_room("with_id_nan", _raw(b"NaN"), "missed")
_room("with_id_1e400", _raw(b"1e400"), "missed")
_room("with_id_minus_1e400", _raw(b"-1e400"), "missed")
_room("with_id_of_1e6_digits", _raw(b"9" * 1_000_000), "missed")
_room("with_id_fraction", _raw(b"1.5"), "missed")
_room("with_id_surrogate", _raw(b'"\\ud800"'), "missed")
_room("with_id_nul", _raw(b'"\\u0000"'), "missed")
_room("with_id_of_10_mb", _raw(b'"' + b"y" * 10_000_000 + b'"'), "missed", "too_large", possible=["timeout"])
_room("not_json", lambda _: [frame(b"hello")], "missed")
_room("binary_garbage", lambda _: [frame(bytes(range(256)), 2)], "missed")
_room("lists", lambda _: [frame(b"[]"), frame(b"1"), frame(b'"x"'), frame(b"null"), frame(b"")], "missed")
_room("twice", lambda event_id: [_event(event_id) * 2], "duplicate", completes=True, exit_code=0)
_room("a_thousand_times", lambda event_id: [_event(event_id) * 1000], "duplicate", completes=True, exit_code=0)
_room("of_half_a_mib", lambda event_id: [_event(event_id, x="y" * (MIB // 2))])
_MANY = json.dumps({"type": "made", "id": "e1", "x": [{}] * 1_500_000}).encode()
_room("of_6_mb_of_objects", lambda _: [frame(_MANY)], "missed", "too_large")
_room("of_200_mb", lambda _: Repeated(frame_head(200 * MIB), b"x", 200 * MIB), "too_large", "missed")
_room("of_60_mib", lambda _: Repeated(frame_head(60 * MIB), b"x", 60 * MIB), "missed", "too_large")
_room("malformed", lambda _: [frame(b"x", reserved=7)], "malformed", "missed")
_room("close_instead", lambda _: [frame(b"\x03\xf3", 8)], "closed", "missed")
_room("cut_in_header", lambda _: [b"\x81\x7e\x01"], "missed")
_room("dripping", lambda event_id: _slowly(_event(event_id)), "missed")
_room("late", _late, "missed")
_room("foreign_100000", _with_foreign(5))
_room("foreign_flood", _with_foreign(30), possible=["missed", "timeout", "connect_timeout"], completes=True)
_room(
    "greeted_with_future_ids",
    lambda event_id: [_event(event_id)],
    "missed",
    "duplicate",
    greet=b"".join(_event(f"e{n}") for n in range(1, 500)),
    exit_code=1,
)
_room("out_of_order", _held_back, "out_of_order", completes=True, exit_code=0)

# What the publisher gets.
_responding("published_without_id", lambda _: whole(b"{}"), "check")
_responding("published_same_id", _id_response(b'"same"'), "check", "missed")
_responding("published_id_nested", _id_response(b"[" * 900 + b"]" * 900), "check")
_responding("published_id_of_open_brackets", _id_response(b"[" * _DEPTH), "check")
_responding("published_id_null", _id_response(b"null"), "check")
_responding("published_id_true", _id_response(b"true"), "check", "missed")
_responding("published_id_nan", _id_response(b"NaN"), "check")
_responding("published_id_1e400", _id_response(b"1e400"), "check", "missed")
_responding("published_id_of_1e6_digits", _id_response(b"9" * 1_000_000), "check", "missed")
_responding("published_id_surrogate", _id_response(b'"\\udfff"'), "check", "missed")
_responding("published_id_of_10_mb", _id_response(b'"' + b"y" * 10_000_000 + b'"'), "too_large")
_responding("published_status_500", lambda _: whole(b"no", status="500 No"), "status")
_responding("published_malformed", lambda _: b"\0" * 100, "malformed")
_responding("published_gzip_truncated", lambda _: whole(b"\x1f\x8b", "Content-Encoding: gzip"), "check")
_responding("published_throttled", lambda _: whole(b"", "Retry-After: x", status="429 Slow"))


def _posted(name: str, handler: Handler, *expected: str, **fields: Any) -> None:
    """What the publishing request gets from a handler of its own."""
    room = Room(lambda event_id: [_event(event_id)])

    def respond(connection: socket.socket, request: bytes) -> bool:
        return handler(connection, request) if request.startswith(b"POST") else room(connection, request)

    add(f"events_{name}", __name__, *expected, respond=respond, kind=Kind.BROADCAST, **fields)


_posted("publishing_silent", stalling(b""), "timeout")
_posted("publishing_drips", dripping(head("Content-Length: 1000"), b" "), "timeout")
_posted("publishing_endless", flooding(head(), b" "), "too_large")
_posted("publishing_reset", lambda connection, _request: reset(connection), "cut", possible=["stale"])
