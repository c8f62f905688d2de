"""Connections that end at the wrong moment, in every way that TCP has."""

import socket
import time

from tests.field.hostile.case import add, hostile
from tests.field.hostile.wire import head, reset, sending, wait_for_end, whole

_FINE = whole(b"{}")
_HALF = head("Content-Length: 1000") + b"x" * 500

add("fin_before_response", __name__, "cut", respond=sending(b"", keep=False))
add("fin_in_head", __name__, "cut", respond=sending(_FINE[:20], keep=False))
add("fin_in_body", __name__, "cut", respond=sending(_HALF, keep=False))
add("fin_after_each_response", __name__, respond=sending(_FINE, keep=False))
add(
    "fin_after_each_response_to_post",
    __name__,
    respond=sending(_FINE, keep=False),
    request={"method": "POST"},
    exit_code=0,
)


def _reset_after(name: str, data: bytes, *expected: str) -> None:
    def respond(connection: socket.socket, _request: bytes) -> bool:
        connection.sendall(data)
        time.sleep(0.02)
        return reset(connection)

    add(name, __name__, *expected, respond=respond)


_reset_after("rst_before_response", b"", "cut")
_reset_after("rst_in_head", _FINE[:20], "cut")
_reset_after("rst_in_body", _HALF, "cut")
_reset_after("rst_in_body_without_length", head() + b"x" * 500, "cut")
_reset_after("rst_after_response", _FINE)


@hostile("cut")
def half_closed_before_response(connection: socket.socket, _request: bytes) -> bool:
    connection.shutdown(socket.SHUT_WR)
    return wait_for_end(connection)


@hostile("cut")
def half_closed_in_body(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(_HALF)
    connection.shutdown(socket.SHUT_WR)
    return wait_for_end(connection)


@hostile("cut", connection=True, exit_code=3, possible=["unreachable"])
def rst_on_accept(connection: socket.socket) -> None:
    reset(connection)


@hostile("cut", connection=True, exit_code=3)
def fin_on_accept(connection: socket.socket) -> None:
    connection.close()


@hostile("cut", connection=True, exit_code=3)
def half_closed_on_accept(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    wait_for_end(connection)
