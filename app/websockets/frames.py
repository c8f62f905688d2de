"""Messages framed, and compressed, once for all clients."""

from __future__ import annotations

from functools import cached_property

from wsproto.frame_protocol import FrameProtocol

from app.websockets.deflate import Deflation

# Smaller ones fit into one packet anyway; to make them smaller pays nobody.
DEFLATED_FROM_BYTES = 256


class Message:
    """A text message in one frame."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.plain = bytes(FrameProtocol(client=False, extensions=[]).send_data(text))

    @cached_property
    def deflated(self) -> bytes:
        """The frame for clients that negotiated compression; only compressed where that makes it smaller."""
        if len(self.plain) < DEFLATED_FROM_BYTES:
            return self.plain
        compressed = bytes(FrameProtocol(client=False, extensions=[Deflation()]).send_data(self._text))
        return min(self.plain, compressed, key=len)


PING = bytes(FrameProtocol(client=False, extensions=[]).ping(b"still there?"))
READY = Message('{"type":"ready"}').plain
