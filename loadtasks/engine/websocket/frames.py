"""The messages in what a WebSocket server sends (RFC 6455, section 5); its frames are read by websocket-client.

Nearly all that a server broadcasts has one form, which is read here without websocket-client, whose general reading
costs ten times as much: a text message in one unmasked frame that has arrived whole and is shorter than 64 KiB. By
section 5.2 it is

    0x81               FIN, no reserved bit, opcode 1 (text)
    0 to 125, or 126   no mask; the payload's length, or, after 126, the length in the next two bytes
    payload

Reading is a pure function of the bytes: however they are split on their way, the same messages come out.
"""

from collections.abc import Iterator
from typing import cast

from websocket import ABNF, WebSocketException, frame_buffer

from loadtasks.engine.recording.failure import FailureError
from loadtasks.measurement.errors import ErrorCode

MAX_MESSAGE = 1024 * 1024
"""Bytes of one message; a longer one is an error."""
_MAX_FRAGMENTS = 16_384
"""Frames of one message; more are an error, since each takes about as long to read as a whole message."""
_WHOLE_TEXT = 0x81
_TWO_BYTES_OF_LENGTH = 126
_MAX_CONTROL = 125
_FIRST_CONTROL = ABNF.OPCODE_CLOSE


class FrameError(FailureError):
    """Bytes that a WebSocket server must not send (RFC 6455)."""


class _NeedMoreError(Exception):
    """The frame isn't whole yet."""


class _Fragments:
    """The frames of a message of several (RFC 6455, section 5.4), so far."""

    __slots__ = ("opcode", "payloads", "size")

    def __init__(self, opcode: int) -> None:
        self.opcode = opcode
        self.payloads: list[bytes] = []
        self.size = 0

    def add(self, payload: bytes) -> None:
        """Add the payload of one more frame.

        Raises:
            FrameError: the message is too large.
        """
        self.payloads.append(payload)
        self.size += len(payload)
        if self.size > MAX_MESSAGE:
            raise _too_large()
        if len(self.payloads) > _MAX_FRAGMENTS:
            raise FrameError(ErrorCode.TOO_LARGE, f"a WebSocket message has more than {_MAX_FRAGMENTS:,} frames")


class Frames:
    """The incoming side of one WebSocket. It keeps no bytes between messages."""

    __slots__ = ("_at", "_buffer", "_data", "_fragments")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._buffer: frame_buffer | None = None
        """Set while websocket-client reads a frame."""
        self._fragments: _Fragments | None = None
        """Set while a message in several frames is read."""

    def feed(self, data: bytes) -> Iterator[tuple[int, str | bytes]]:
        """Yield what these bytes complete, in order: messages (text as str) and control frames, each with its opcode.

        Raises:
            FrameError: `malformed` or `too_large`; nothing can be read after it.
        """
        self._data, self._at = data, 0
        try:
            while self._at < len(data):
                if self._buffer is None and self._fragments is None:
                    payload = self._whole_text()
                    if payload is not None:
                        yield ABNF.OPCODE_TEXT, _text(payload)
                        continue
                frame = self._frame()
                if frame is None:
                    return
                if frame.opcode >= _FIRST_CONTROL:
                    yield frame.opcode, cast(bytes, frame.data)
                elif (message := self._message(frame)) is not None:
                    yield message
        finally:
            self._data = b""

    def _whole_text(self) -> bytes | None:
        data, start = self._data, self._at
        if data[start] != _WHOLE_TEXT or len(data) - start < 2:  # noqa: PLR2004 - a header's minimum length
            return None
        length, body = data[start + 1], start + 2
        if length >= _TWO_BYTES_OF_LENGTH:
            if length > _TWO_BYTES_OF_LENGTH:
                return None
            # Of a header that is cut off here this reads too little, and the end below lies past the bytes.
            length, body = int.from_bytes(data[body : body + 2], "big"), body + 2
        end = body + length
        if end > len(data):
            return None
        self._at = end
        return data[body:end]

    def _frame(self) -> ABNF | None:
        buffer = self._buffer
        if buffer is None:
            # Its own check of UTF-8 is a loop in Python; `_text` and the reader of close frames check instead.
            buffer = self._buffer = frame_buffer(self._take, skip_utf8_validation=True)
        try:
            frame = buffer.recv_frame()
        except _NeedMoreError:
            if (buffer.length or 0) > MAX_MESSAGE:
                raise _too_large() from None
            return None
        except WebSocketException as error:
            raise FrameError(ErrorCode.MALFORMED, f"a malformed WebSocket frame: {error}") from error
        self._buffer = None
        if frame.mask_value:
            raise FrameError(ErrorCode.MALFORMED, "a malformed WebSocket frame: a server's must not be masked")
        if frame.opcode >= _FIRST_CONTROL and (not frame.fin or len(frame.data) > _MAX_CONTROL):
            raise FrameError(ErrorCode.MALFORMED, "a malformed WebSocket frame: a fragmented or too long control frame")
        return frame

    def _take(self, max_bytes: int) -> bytes:
        piece = self._data[self._at : self._at + max_bytes]
        if not piece:
            raise _NeedMoreError
        self._at += len(piece)
        return piece

    def _message(self, frame: ABNF) -> tuple[int, str | bytes] | None:
        fragments, continues = self._fragments, frame.opcode == ABNF.OPCODE_CONT
        if fragments is None and continues:
            raise FrameError(ErrorCode.MALFORMED, "a malformed WebSocket message: it begins with a continuation frame")
        if fragments is not None and not continues:
            raise FrameError(ErrorCode.MALFORMED, "a malformed WebSocket message: another begins before its end")
        if fragments is None:
            fragments = self._fragments = _Fragments(frame.opcode)
        fragments.add(cast(bytes, frame.data))
        if not frame.fin:
            return None
        self._fragments = None
        whole = b"".join(fragments.payloads)
        return fragments.opcode, _text(whole) if fragments.opcode == ABNF.OPCODE_TEXT else whole


def _text(payload: bytes) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FrameError(ErrorCode.MALFORMED, f"a WebSocket text message that is not UTF-8: {error}") from error


def _too_large() -> FrameError:
    return FrameError(ErrorCode.TOO_LARGE, f"a WebSocket message is larger than {MAX_MESSAGE >> 20} MiB")
