"""The headers of a response: how much of them is read, and repeated ones joined."""

MAX_HEAD = 256 * 1024
"""Bytes of a response's head, interim responses included, and of what stands between the pieces of its body."""
_MAX_JOINED = 16_384
"""Characters of a repeated header from which no more of it are joined."""


def add_header(headers: dict[str, str], name: str, value: bytes) -> None:
    """Add a header, its name in lower case; repeated ones are joined (RFC 9110, section 5.3)."""
    text = value.decode("latin-1")
    if name not in headers:
        headers[name] = text
    elif len(headers[name]) < _MAX_JOINED:
        headers[name] += f", {text}"
