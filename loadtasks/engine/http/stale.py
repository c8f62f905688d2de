"""Stale connections: kept alive by both sides, until the target closed an idle one just when a request was sent.

No client can prevent that. The request was most likely never read, and a client may send it once more on a fresh
connection where twice is the same as once (RFC 9112, section 9.3.1; RFC 9110, section 9.2.2). A fresh connection that
ends before a byte of the response is no matter of idleness: that is a failure of the target.
"""

import asyncio
import select
import ssl

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
NOT_SENT_AGAIN = (
    "the target closed the idle connection when the request was sent over it, and a request of this method may not be "
    "sent again"
)
"""Why a request fails that may not be sent twice."""


def may_be_sent_again(method: str) -> bool:
    """Whether a request of this method may be sent twice."""
    return method in _IDEMPOTENT


def is_closed_by_peer(error: Exception | None) -> bool:
    """Whether a connection that was lost was closed or reset by the other end, rather than broken on the way."""
    return error is None or isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError)


class IdleWatch:
    """Looks whether anything has arrived on an idle connection that the event loop has not read yet.

    That is its end, or bytes that no request is for; in either case it can't be used. One look takes about a
    microsecond.
    """

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        socket = transport.get_extra_info("socket")
        self._poll = select.poll()
        if socket is not None:
            self._poll.register(socket.fileno(), select.POLLIN)

    def is_quiet(self) -> bool:
        """Whether nothing has arrived."""
        return not self._poll.poll(0)
