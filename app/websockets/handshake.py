"""The opening handshake of a WebSocket (RFC 6455, section 4), the server's side."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from wsproto.utilities import generate_accept_token

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

VERSION = "13"


def take_over(environ: WSGIEnvironment) -> socket.socket:
    """Take the connection of a request from gunicorn.

    gunicorn ends its part by shutting its socket down and closing it. That socket is therefore exchanged for one end
    of a pair that nobody else holds, while the connection goes on under a descriptor of ours.

    Raises:
        OSError: There are no descriptors left.
    """
    theirs: socket.socket = environ["gunicorn.socket"]
    left, right = socket.socketpair()
    with left, right:
        ours = theirs.dup()
        os.dup2(left.fileno(), theirs.fileno(), inheritable=False)
    return ours


def handshake(key: str, headers: dict[str, str]) -> bytes:
    """Make the answer that turns a connection into a WebSocket.

    Args:
        key: The request's ``Sec-WebSocket-Key``.
        headers: Further headers.
    """
    accept = generate_accept_token(key.encode("latin-1")).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {accept}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def is_welcome(origin: str | None, host: str, origins: frozenset[str]) -> bool:
    """Tell whether pages of an origin may open WebSockets: a browser lets those of any try, with the user's cookies.

    Args:
        origin: The request's ``Origin``; None when it isn't a browser's.
        host: The request's ``Host``, whose own pages may.
        origins: Origins that may as well.
    """
    if origin is None or origin in origins:
        return True
    return origin.lower().partition("://")[2] == host.lower() != ""
