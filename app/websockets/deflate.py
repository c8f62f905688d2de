"""Compressed messages (permessage-deflate, RFC 7692), without context from one message to the next.

Each message is compressed independently: once for all clients, and without memory for idle ones.
"""

from __future__ import annotations

import re
import zlib

from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

HEADER = "Sec-WebSocket-Extensions"
# Events are smaller than 4 KiB, so a larger window compresses them no further.
WINDOW_BITS = 12
TAIL = b"\0\0\xff\xff"
PARAMETER = re.compile(
    r"(?P<name>(?:server|client)_no_context_takeover|client_max_window_bits|server_max_window_bits(?==))"
    r'(?:=(?P<quote>"?)(?P<bits>8|9|1[0-5])(?P=quote))?'
)


def negotiate(offers: str) -> str:
    """Choose from the extensions that a client offers.

    Args:
        offers: The request's `Sec-WebSocket-Extensions`, preferred offers first.

    Returns:
        The header for the response; empty when no offer is acceptable and messages stay uncompressed.
    """
    for offer in offers.split(","):
        if accepted := _accept(offer):
            return accepted
    return ""


def _accept(offer: str) -> str:
    """Accept an offer, or return an empty text; RFC 7692, section 7.1, says which offers must be declined."""
    name, *parameters = (part.strip() for part in offer.split(";"))
    found = [PARAMETER.fullmatch(parameter) for parameter in parameters]
    known = [match for match in found if match]
    bits = {match["name"]: match["bits"] for match in known}
    odd = any(match["bits"] and match["name"].endswith("takeover") for match in known)
    if name != PerMessageDeflate.name or odd or not len(found) == len(known) == len(bits):
        return ""
    if int(bits.get("server_max_window_bits", WINDOW_BITS)) < WINDOW_BITS:
        return ""
    extension = PerMessageDeflate(client_no_context_takeover=True, server_no_context_takeover=True)
    accepted = extension.accept("; ".join([name, *parameters]).replace('"', ""))
    return f"{name}; {accepted}" if accepted else ""


class InboundDeflate(Extension):
    """Decompresses the messages of a client, and refuses (1009) those that are too large.

    wsproto's own extension decompresses messages of any size, to up to a thousand times their size.

    Args:
        deflates: Whether compression was negotiated.
        max_bytes: Size of the largest message that is accepted, both compressed and decompressed.
    """

    def __init__(self, *, deflates: bool, max_bytes: int) -> None:
        self._deflates = deflates
        self._max_bytes = max_bytes
        self._compressed_bytes = 0
        self._inflated_bytes = 0
        self._control = False
        self._inflater: zlib._Decompress | None = None

    def enabled(self) -> bool:
        """Always true, since the size limit applies without compression too."""
        return True

    def offer(self) -> bool | str:
        """Offer nothing: only clients make offers."""
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """Check a frame's header."""
        self._control = opcode.iscontrol()
        if self._control:
            return RsvBits(False, False, False)
        if opcode is not Opcode.CONTINUATION:
            self._compressed_bytes = self._inflated_bytes = 0
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if rsv.rsv1 and self._deflates else None
        elif rsv.rsv1:
            return CloseReason.PROTOCOL_ERROR
        self._compressed_bytes += payload_length
        return (
            CloseReason.MESSAGE_TOO_BIG
            if self._compressed_bytes > self._max_bytes
            else RsvBits(self._deflates, False, False)
        )

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        """Decompress a part of a frame."""
        return data if self._control else self._inflated(data)

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        """Decompress the rest of a message at its end."""
        if self._control or not fin or self._inflater is None:
            return None
        data, self._inflater = self._inflated(TAIL), None
        return data

    def _inflated(self, data: bytes) -> bytes | CloseReason:
        if self._inflater is None:
            return data
        try:
            made = self._inflater.decompress(data, self._max_bytes + 1 - self._inflated_bytes)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._inflated_bytes += len(made)
        return made if self._inflated_bytes <= self._max_bytes else CloseReason.MESSAGE_TOO_BIG


class OutboundDeflate(PerMessageDeflate):
    """Compresses messages for all clients that negotiated compression."""

    def __init__(self) -> None:
        super().__init__(server_no_context_takeover=True, server_max_window_bits=WINDOW_BITS)

    def enabled(self) -> bool:
        """Always true, since it is used for clients that negotiated it only."""
        return True
