"""Compressed messages (permessage-deflate, RFC 7692), without context from one message to the next.

Each message stands for itself, so that one is compressed once for all clients, and an idle client costs no memory.
"""

from __future__ import annotations

import re
import zlib

from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

HEADER = "Sec-WebSocket-Extensions"
# An event is smaller than 4 KiB: a larger window would find no more in it.
WINDOW_BITS = 12
TAIL = b"\0\0\xff\xff"
PARAMETER = re.compile(
    r"(?P<name>(?:server|client)_no_context_takeover|client_max_window_bits|server_max_window_bits(?==))"
    r'(?:=(?P<quote>"?)(?P<bits>8|9|1[0-5])(?P=quote))?'
)


def negotiate(offers: str) -> str:
    """Choose of what a client offers.

    Args:
        offers: Its ``Sec-WebSocket-Extensions``, the preferred first.

    Returns:
        The same header for the answer; empty when nothing fits, and nothing will be compressed.
    """
    for offer in offers.split(","):
        if accepted := _accept(offer):
            return accepted
    return ""


def _accept(offer: str) -> str:
    """Accept an offer; one that isn't exactly as section 7.1 has it must be declined."""
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
    answer = extension.accept("; ".join([name, *parameters]).replace('"', ""))
    return f"{name}; {answer}" if answer else ""


class Inflation(Extension):
    """What a client sends, decompressed where it is compressed, and refused (1009) where it is too large.

    wsproto's own extension decompresses whatever arrives, a thousand times its size at worst.

    Args:
        deflates: Whether compression was negotiated.
        size_max: Bytes of the largest message, decompressed, and compressed.
    """

    def __init__(self, *, deflates: bool, size_max: int) -> None:
        self._deflates = deflates
        self._size_max = size_max
        self._arrived = 0
        self._made = 0
        self._control = False
        self._inflater: zlib._Decompress | None = None

    def enabled(self) -> bool:
        """It always is: the limit holds for all."""
        return True

    def offer(self) -> bool | str:
        """Nothing: clients offer."""
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """Look at a frame before its payload is there."""
        self._control = opcode.iscontrol()
        if self._control:
            return RsvBits(False, False, False)
        if opcode is not Opcode.CONTINUATION:
            self._arrived = self._made = 0
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if rsv.rsv1 and self._deflates else None
        elif rsv.rsv1:
            return CloseReason.PROTOCOL_ERROR
        self._arrived += payload_length
        return CloseReason.MESSAGE_TOO_BIG if self._arrived > self._size_max else RsvBits(self._deflates, False, False)

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        """Decompress a part of a frame."""
        return data if self._control else self._inflated(data)

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        """Decompress what is left at the end of a message."""
        if self._control or not fin or self._inflater is None:
            return None
        data, self._inflater = self._inflated(TAIL), None
        return data

    def _inflated(self, data: bytes) -> bytes | CloseReason:
        if self._inflater is None:
            return data
        try:
            made = self._inflater.decompress(data, self._size_max + 1 - self._made)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._made += len(made)
        return made if self._made <= self._size_max else CloseReason.MESSAGE_TOO_BIG


class Deflation(PerMessageDeflate):
    """Messages on their way to all clients that negotiated compression."""

    def __init__(self) -> None:
        super().__init__(server_no_context_takeover=True, server_max_window_bits=WINDOW_BITS)

    def enabled(self) -> bool:
        """It is: this one was negotiated already."""
        return True
