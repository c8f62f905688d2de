"""Responses that never end, a byte every 50 ms."""

import socket
import time

from tests.field.hostile.case import add, hostile
from tests.field.hostile.wire import dripping, head, stalling, wait_for_end, whole

_CHUNKED = head("Transfer-Encoding: chunked")

add("silence", __name__, "timeout", respond=stalling(b""))
add("drip_in_status_line", __name__, "timeout", respond=dripping(b"HTTP/1.1 200 ", b"O"))
add("drip_in_head", __name__, "timeout", respond=dripping(head()[:-2] + b"X-Slow: ", b"y"))
add("drip_of_headers", __name__, "timeout", respond=dripping(head()[:-2], b"X: y\r\n"))
add("drip_of_whole_response", __name__, "timeout", respond=dripping(b"", whole(b"{}")))
add("drip_in_body", __name__, "timeout", respond=dripping(head("Content-Length: 1000"), b"x"))
add("drip_in_body_without_length", __name__, "timeout", respond=dripping(head(), b"x"))
add("drip_of_chunks", __name__, "timeout", respond=dripping(_CHUNKED, b"1\r\n.\r\n"))
add("drip_in_chunk_size", __name__, "timeout", respond=dripping(_CHUNKED, b"0"))
add("drip_in_trailer", __name__, "timeout", respond=dripping(_CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"y"))
add("drip_in_error", __name__, "timeout", respond=dripping(head(status="500 No"), b"x"))
add("drip_in_401", __name__, "timeout", respond=dripping(head(status="401 No"), b"x"), request={"method": "POST"})
add("drip_under_open_load", __name__, "timeout", respond=dripping(head(), b"x"), load={"rate": 40, "duration_s": 0.5})
add(
    "silence_under_open_load_of_one_connection",
    __name__,
    "timeout",
    "dropped",
    respond=stalling(b""),
    load={"rate": 40, "duration_s": 0.5, "max_connections": 1, "queue_timeout_s": 1},
)


@hostile("timeout", scenario={"read_back": {"path": "/read_back_drips"}}, request={"method": "PUT", "json": {"a": 1}})
def read_back_drips(connection: socket.socket, request: bytes) -> bool:
    if request.startswith(b"PUT"):
        connection.sendall(whole(b"{}"))
        return True
    return dripping(head("Content-Length: 1000"), b"x")(connection, request)


@hostile("timeout")
def reads_no_request(connection: socket.socket, _request: bytes) -> bool:
    connection.shutdown(socket.SHUT_RD)
    time.sleep(1.0)
    return False


@hostile("timeout", request={"method": "PUT", "json": {"a": "x" * 900_000}}, connection=True, exit_code=3)
def takes_no_body(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.recv(10)
    time.sleep(2.0)


@hostile("timeout", connection=True, exit_code=3)
def accepts_and_is_silent(connection: socket.socket) -> None:
    wait_for_end(connection)
