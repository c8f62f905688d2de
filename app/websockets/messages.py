"""Outgoing messages, framed and compressed once for all clients."""

from __future__ import annotations

from functools import cached_property

from wsproto.frame_protocol import FrameProtocol

from app.websockets.deflate import OutboundDeflate

# A smaller message fits into one packet, compressed or not.
MIN_DEFLATED_BYTES = 256


class OutboundMessage:
    """A text message in one frame."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.plain = bytes(FrameProtocol(client=False, extensions=[]).send_data(text))

    @cached_property
    def deflated(self) -> bytes:
        """The frame for clients that negotiated compression; compressed only if that makes it smaller."""
        if len(self.plain) < MIN_DEFLATED_BYTES:
            return self.plain
        compressed = bytes(FrameProtocol(client=False, extensions=[OutboundDeflate()]).send_data(self._text))
        return min(self.plain, compressed, key=len)


PING = bytes(FrameProtocol(client=False, extensions=[]).ping(b"still there?"))
READY = OutboundMessage('{"type":"ready"}').plain
