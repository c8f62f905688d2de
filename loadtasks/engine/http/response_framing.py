"""How a response is framed: what of it is read or refused, repeated headers joined, and what ends its body."""

from collections.abc import Mapping

import httptools

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a response's body that nothing reads; a larger one is a failure."""
MAX_HEAD = 256 * 1024
"""Bytes of a response's head, interim responses included, and of what stands between the pieces of its body."""
_MAX_JOINED = 16_384
"""Characters of a repeated header from which no more of it are joined."""
_BODILESS = (204, 304)


class RefusedBytesError(Exception):
    """Bytes arrived that are no part of a response to the request under way; the text says why, where it can."""


def own_mistake(error: httptools.HttpParserError) -> BaseException | None:
    """What a callback of ours raised by mistake, which the parser reports; None where the bytes are wrong."""
    cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
    return None if isinstance(cause, RefusedBytesError) else cause


def add_header(headers: dict[str, str], name: str, value: bytes) -> None:
    """Add a header, its name in lower case; repeated ones are joined (RFC 9110, section 5.3)."""
    text = value.decode("latin-1")
    if name not in headers:
        headers[name] = text
    elif len(headers[name]) < _MAX_JOINED:
        headers[name] += f", {text}"


def ends_with_connection(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the body is delimited by the connection's end (RFC 9112, section 6.3)."""
    if status in _BODILESS:
        return False
    return "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", "").lower()
