"""Heads of responses that were seen before: most targets send the same one again and again.

Parsing is half of the work that a response makes. A head that is equal byte for byte means the same, so a response that
arrives in one piece, with a known head and exactly the body that it announces, needs no parser. Only the plainest heads
are learnt: an expected status, kept alive, with a Content-Length. The parser reads everything else.
"""

from typing import NamedTuple

_END = b"\r\n\r\n"
_MAX_HEAD = 8192
"""Bytes of a head that is learnt."""
_MAX_HEADS = 64
"""Heads known at a time, so that a target that sends a new one each time (with a request's id) costs no memory."""


class ResponseHead(NamedTuple):
    """What a head says."""

    status: int
    headers: dict[str, str]
    """Those that the checker or the engine reads; not to be changed."""
    length: int
    """Bytes of the body."""


class KnownHeads:
    """The heads that the responses to one request of a scenario had."""

    def __init__(self) -> None:
        self._known: dict[bytes, ResponseHead] = {}

    def find(self, data: bytes) -> ResponseHead | None:
        """The head of a response, if it is known and the response is complete, with nothing after it; else None."""
        end = data.find(_END) + len(_END)
        head = self._known.get(data[:end])
        return head if head is not None and len(data) == end + head.length else None

    def learn(self, data: bytes, status: int, headers: dict[str, str], length: int) -> None:
        """Remember the head of a complete, kept-alive response, if `data` begins with it and it frames the body."""
        end = data.find(_END) + len(_END)
        if end > _MAX_HEAD:
            return
        if headers.get("content-length") != str(length) or "transfer-encoding" in headers or len(data) != end + length:
            return
        if len(self._known) >= _MAX_HEADS:
            self._known.clear()
        self._known[data[:end]] = ResponseHead(status, headers, length)
