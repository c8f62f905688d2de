"""Responses to the opening handshake of a WebSocket."""

import socket
import time

from tests.field.hostile.bombs import gzip_bomb
from tests.field.hostile.case import Kind, add, hostile
from tests.field.hostile.websocket_wire import accept, frame
from tests.field.hostile.wire import (
    MIB,
    Repeated,
    dripping,
    flooding,
    head,
    reset,
    sending,
    sending_all,
    stalling,
    wait_for_end,
    whole,
)
from tests.servers import Handler

_BEGUN = head("Upgrade: websocket", "Connection: Upgrade", status="101 Up")[:-2]


def _handshake(name: str, respond: Handler, *expected: str, **fields: object) -> None:
    add(name, __name__, *expected, respond=respond, kind=Kind.CONNECTIONS, **fields)


def _accepting(name: str, *lines: str, expected: str = "malformed") -> None:
    def respond(connection: socket.socket, request: bytes) -> bool:
        connection.sendall(accept(request, *lines))
        return wait_for_end(connection)

    _handshake(name, respond, expected)


_accepting("ws_extension_not_offered", "Sec-WebSocket-Extensions: permessage-deflate")
_accepting("ws_subprotocol_not_offered", "Sec-WebSocket-Protocol: chat")
_accepting("ws_accept_twice", "Sec-WebSocket-Accept: x")
_accepting("ws_upgrade_twice", "Upgrade: h2c")
_handshake("ws_accept_missing", stalling(_BEGUN + b"\r\n"), "malformed")
_handshake("ws_accept_wrong", stalling(_BEGUN + b"Sec-WebSocket-Accept: AAAA\r\n\r\n"), "malformed")
_handshake("ws_accept_not_ascii", stalling(_BEGUN + b"Sec-WebSocket-Accept: \xff\xfe\r\n\r\n"), "malformed")
_handshake("ws_upgrade_missing", stalling(head(status="101 Up")), "malformed")
_handshake("ws_silent", stalling(b""), "timeout")
_handshake("ws_drip", dripping(_BEGUN + b"X-Slow: ", b"y"), "timeout")
_handshake("ws_drip_from_start", dripping(b"", _BEGUN + b"\r\n"), "timeout")
_handshake("ws_header_of_200_mb", sending_all(Repeated(_BEGUN + b"X: ", b"y", 200 * MIB, b"\r\n\r\n")), "too_large")
_handshake("ws_headers_endless", flooding(_BEGUN, b"X-Many: y\r\n"), "too_large")
_handshake("ws_interim_endless", flooding(b"", head(status="103 Early")), "too_large")
_handshake("ws_interim_dripping", dripping(b"", head(status="102 Wait")), "timeout")
_handshake("ws_closed_before_response", sending(b"", keep=False), "cut")
_handshake("ws_closed_in_head", sending(_BEGUN, keep=False), "cut")
_handshake("ws_reset_before_response", lambda connection, _request: reset(connection), "cut")
_handshake("ws_garbage", sending(b"\xff\x00garbage\r\n\r\n"), "malformed")
_handshake("ws_200", sending(whole(b"{}")), "status")
_handshake("ws_refused_with_endless_body", flooding(head(status="403 No"), b"x"), "status")
_handshake("ws_refused_with_drip", dripping(head("Content-Length: 1000", status="403 No"), b"x"), "status")
_handshake("ws_refused_with_nul", sending(whole(b"\0\xff\xed\xa0\x80", status="500 \x01")), "status")
_handshake("ws_status_0", sending(head(status="0 Zero")), "malformed")
_handshake("ws_redirect_loop", sending(whole(b"", "Location: /ws_redirect_loop", status="302 Round")), "status")
_handshake("ws_429_for_ever", sending(whole(b"", "Retry-After: nan", status="429 Slow")), "status")


@hostile("too_large", kind=Kind.CONNECTIONS)
def ws_new_headers_endless(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(_BEGUN)
    number = 0
    while True:
        connection.sendall(b"".join(b"X-%d: y\r\n" % n for n in range(number, number + 10_000)))
        number += 10_000


@hostile("status", kind=Kind.CONNECTIONS)
def ws_refused_with_gzip_bomb(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(whole(gzip_bomb(6000 * MIB), "Content-Encoding: gzip", status="403 No"))
    return True


@hostile("cut", kind=Kind.CONNECTIONS)
def ws_closed_right_after_101(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(accept(request))
    return False


@hostile("cut", kind=Kind.CONNECTIONS)
def ws_reset_right_after_101(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(accept(request))
    time.sleep(0.02)
    return reset(connection)


@hostile("closed", kind=Kind.CONNECTIONS)
def ws_close_frame_with_101(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(accept(request) + frame(b"\x03\xe8", 8))
    return wait_for_end(connection)


@hostile("cut", connection=True, kind=Kind.CONNECTIONS, possible=["unreachable"], exit_code=3)
def ws_rst_on_accept(connection: socket.socket) -> None:
    reset(connection)


@hostile("timeout", connection=True, kind=Kind.CONNECTIONS, exit_code=3)
def ws_accepts_and_is_silent(connection: socket.socket) -> None:
    wait_for_end(connection)


@hostile("malformed", connection=True, kind=Kind.CONNECTIONS, exit_code=3)
def ws_greets_before_request(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.com ESMTP ready\r\n")
    wait_for_end(connection)
