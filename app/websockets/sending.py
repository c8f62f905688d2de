"""Sends to a non-blocking socket without releasing Python's global interpreter lock (GIL).

`socket.send` releases the GIL around the system call. While other threads process requests, getting it back can take up
to 5 ms, the interpreter's switch interval; a broadcast to 2,000 clients would wait 2,000 times. The call here keeps the
GIL, which is harmless only because it never blocks.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket

_libc = ctypes.PyDLL(None, use_errno=True)
_send = _libc.send
_send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
_send.restype = ctypes.c_ssize_t
_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_RETRY_ERRORS = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


def send(descriptor: int, data: bytes) -> int:
    """Send as many bytes as the socket takes at once.

    Returns:
        How many bytes were sent; 0 when the socket's buffer is full.

    Raises:
        OSError: The connection is lost.
    """
    sent: int = _send(descriptor, data, len(data), _FLAGS)
    if sent >= 0:
        return sent
    number = ctypes.get_errno()
    if number in _RETRY_ERRORS:
        return 0
    raise OSError(number, os.strerror(number))
