"""Folded header lines (obs-fold): deprecated, still sent, and to be taken by every client (RFC 9112, section 5.2).

A header's value goes on in the next line where that begins with white space. The parser refuses such lines, so a head
is unfolded before it is parsed: each fold becomes one space. Heads come in pieces, cut anywhere; white space and line
ends at the end of a piece are held back until the next piece shows whether they belong to a fold.
"""

HEAD_END = b"\r\n\r\n"
_LINE_END = b"\r\n"
_BLANKS = b" \t"
_WHITE = b" \t\r\n"
_MAX_HELD = 8192
"""Bytes of white space that are held back; more are left to the parser, so that no target fills the memory."""


def may_be_folded(data: bytes) -> bool:
    """Whether a response that begins with these bytes has to be unfolded: not where they hold its whole head, unfolded.

    A body that looks like a fold makes no difference but that of time, and an interim response is followed by a head.
    """
    return HEAD_END not in data or b"\r\n " in data or b"\r\n\t" in data or data.startswith(b"1", len("HTTP/1.1 "))


class Unfolding:
    """Unfolds the heads of one connection's responses."""

    def __init__(self) -> None:
        self._held = b""

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Take bytes of a head. Returns what can be parsed, unfolded, and what follows the head, unchanged."""
        data = self._held + data
        end = data.find(HEAD_END)
        if end >= 0:
            self._held = b""
            end += len(HEAD_END)
            return _unfolded(data[:end]), data[end:]
        known = data.rstrip(_WHITE)
        if len(data) - len(known) > _MAX_HELD:
            known = data
        self._held = data[len(known) :]
        return _unfolded(known), b""


def _unfolded(data: bytes) -> bytes:
    """The same with each fold, and the blanks around it, replaced by one space."""
    first, *lines = data.split(_LINE_END)
    pieces = [first]
    for line in lines:
        unfolded = line.lstrip(_BLANKS)
        if unfolded == line:
            pieces += [_LINE_END, line]
        else:
            pieces[-1] = pieces[-1].rstrip(_BLANKS)
            pieces += [b" ", unfolded]
    return b"".join(pieces)
