"""The server's side of a WebSocket's opening handshake (RFC 6455, section 4)."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from wsproto.utilities import generate_accept_token

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

VERSION = "13"


def take_over(environ: WSGIEnvironment) -> socket.socket:
    """Take a request's connection away from gunicorn.

    gunicorn ends a request by shutting its socket down and closing it. The connection is therefore duplicated to a new
    descriptor, and gunicorn's descriptor is replaced by one end of an otherwise unused socket pair, which it may close.

    Raises:
        OSError: The process has no descriptors left.
    """
    gunicorn_socket: socket.socket = environ["gunicorn.socket"]
    left, right = socket.socketpair()
    with left, right:
        connection = gunicorn_socket.dup()
        os.dup2(left.fileno(), gunicorn_socket.fileno(), inheritable=False)
    return connection


def handshake_response(key: str, headers: dict[str, str]) -> bytes:
    """Make the response that turns a connection into a WebSocket.

    Args:
        key: The request's `Sec-WebSocket-Key`.
        headers: Further headers.
    """
    accept = generate_accept_token(key.encode("latin-1")).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {accept}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def is_allowed_origin(origin: str | None, host: str, origins: frozenset[str]) -> bool:
    """Whether pages of an origin may open WebSockets. Browsers let any page try and don't apply CORS.

    Args:
        origin: The request's `Origin`; None when the client isn't a browser.
        host: The request's `Host`, whose own pages may.
        origins: Further allowed origins.
    """
    if origin is None or origin in origins:
        return True
    return origin.lower().partition("://")[2] == host.lower() != ""
