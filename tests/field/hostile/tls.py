"""TLS that fails, once the load begins; before it the target speaks TLS as it should."""

import contextlib
import socket
import ssl
import time

from tests.field.hostile.case import add, hostile
from tests.field.hostile.tls_identity import server_context, untrusted_context
from tests.field.hostile.wire import dripping, flooding, head, reset, wait_for_end, whole
from tests.servers import Handler, read_request

_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure
_SERVER_HELLO = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"


def _tls(*expected: str, **fields: object) -> object:
    return hostile(*expected, connection=True, tls=True, exit_code=fields.pop("exit_code", 3), **fields)


def _handshaken(connection: socket.socket, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    return (context or server_context()).wrap_socket(connection, server_side=True)


@_tls("tls")
def tls_closed_before_hello(connection):
    connection.close()


@_tls("tls")
def tls_closed_after_client_hello(connection):
    connection.recv(65536)
    connection.close()


@_tls("tls")
def tls_reset_after_client_hello(connection):
    connection.recv(65536)
    reset(connection)


@_tls("tls")
def tls_alert(connection):
    connection.recv(65536)
    connection.sendall(_ALERT)
    connection.close()


@_tls("tls")
def tls_alert_of_garbage(connection):
    connection.recv(65536)
    connection.sendall(b"\x15\x03\x03\xff\xff" + b"\xff" * 70_000)
    wait_for_end(connection)


@_tls("connect_timeout")
def tls_silent(connection):
    wait_for_end(connection)


@_tls("connect_timeout")
def tls_hello_cut_and_silent(connection):
    connection.recv(65536)
    connection.sendall(_SERVER_HELLO)
    wait_for_end(connection)


@_tls("tls")
def tls_hello_cut_and_closed(connection):
    connection.recv(65536)
    connection.sendall(_SERVER_HELLO)
    connection.close()


@_tls("connect_timeout")
def tls_hello_drips(connection):
    connection.recv(65536)
    for byte in b"\x16\x03\x03\x40\x00" + bytes(5000):
        connection.sendall(bytes((byte,)))
        time.sleep(0.05)


@_tls("connect_timeout")
def tls_records_endless(connection):
    connection.recv(65536)
    while True:
        connection.sendall(b"\x16\x03\x03\x40\x00" + bytes(0x4000))


@_tls("tls")
def tls_is_plain_http(connection):
    connection.recv(65536)
    connection.sendall(whole(b"plain"))
    wait_for_end(connection)


@_tls("tls")
def tls_is_garbage(connection):
    connection.sendall(b"\xff" * 100_000)
    wait_for_end(connection)


@_tls("tls")
def tls_certificate_unknown(connection):
    with contextlib.suppress(ssl.SSLError), _handshaken(connection, untrusted_context()) as encrypted:
        wait_for_end(encrypted)


@_tls("cut")
def tls_closed_after_handshake(connection):
    encrypted = _handshaken(connection)
    encrypted.close()


def _then(name: str, handler: Handler, *expected: str, exit_code: int = 3) -> None:
    """A case whose handshake is good, and whose responses are not."""

    def on_connection(connection: socket.socket) -> None:
        encrypted = _handshaken(connection)
        request = read_request(encrypted)
        if request:
            handler(encrypted, request)

    add(name, __name__, *expected, on_connection=on_connection, tls=True, exit_code=exit_code)


def _cut_in_body(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(head("Content-Length: 1000") + b"x" * 500)
    return reset(connection)


def _ended_without_close_notify(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(head() + b"x" * 500)  # delimited by the end of the connection: only close_notify may end it
    time.sleep(0.02)
    raw = socket.socket(fileno=connection.detach())
    raw.close()
    return False


def _plain_in_body(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(head("Content-Length: 1000") + b"x" * 500)
    with socket.socket(fileno=connection.detach()) as raw:
        raw.sendall(b"x" * 500)
        return wait_for_end(raw)


def _alert_in_body(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(head("Content-Length: 1000") + b"x" * 500)
    with socket.socket(fileno=connection.detach()) as raw:
        raw.sendall(_ALERT)
        return wait_for_end(raw)


_then("tls_reset_in_body", _cut_in_body, "cut")
_then("tls_body_without_close_notify", _ended_without_close_notify, "cut")
_then("tls_plain_bytes_in_body", _plain_in_body, "cut")
_then("tls_alert_in_body", _alert_in_body, "cut")
_then("tls_drip", dripping(head("Content-Length: 1000"), b"x"), "timeout", exit_code=1)
_then("tls_body_endless", flooding(head(), b"x"), "too_large", exit_code=1)
