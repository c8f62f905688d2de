"""Heads of answers seen before: most targets send the same one again and again, and parsing it is half of an answer.

A head that is equal byte for byte means the same, so an answer that came in one piece, with a known head and just the
body that it announces, needs no parser. Only heads of the plainest kind are learnt: expected, kept alive, with a
Content-Length. Everything else is the parser's.
"""

from typing import NamedTuple

_END = b"\r\n\r\n"
_MOST = 64
"""Heads known at a time; a target that sends another one each time (with a request's id) costs no memory."""


class Head(NamedTuple):
    """What a head says."""

    status: int
    headers: dict[str, str]
    """Those that are read; not to be changed."""
    length: int
    """Of the body, in bytes."""


class Heads:
    """The heads that answers to one kind of request had."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def find(self, data: bytes) -> Head | None:
        """The head of an answer, if it is known and the answer is whole, with nothing behind it."""
        end = data.find(_END) + len(_END)
        head = self._known.get(data[:end])
        return head if head is not None and len(data) == end + head.length else None

    def learn(self, data: bytes, status: int, headers: dict[str, str], length: int) -> None:
        """Remember the head of an answer that is whole and kept alive, if it stands first and frames the body."""
        end = data.find(_END) + len(_END)
        if headers.get("content-length") != str(length) or "transfer-encoding" in headers or len(data) != end + length:
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[data[:end]] = Head(status, headers, length)
