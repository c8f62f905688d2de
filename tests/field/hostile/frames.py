"""Frames of WebSockets that were opened and are held."""

import socket
import time
import zlib

from tests.field.hostile.case import Kind, add, hostile
from tests.field.hostile.websocket_wire import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    accept,
    frame,
    frame_head,
    opened,
    saying,
)
from tests.field.hostile.wire import MIB, Repeated, reset
from tests.servers import Handler


def _framed(name: str, respond: Handler, *expected: str, **fields: object) -> None:
    add(f"frames_{name}", __name__, *expected, respond=respond, kind=Kind.CONNECTIONS, **fields)


def _said(name: str, data: bytes, *expected: str, **fields: object) -> None:
    _framed(name, saying(data), *expected, **fields)


def _streaming(first: bytes, piece: bytes) -> Handler:
    """Opened, and then a piece over and over."""
    block = piece * max(1, 65536 // len(piece))

    def stream(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(block)

    return opened(stream)


def _dripping(first: bytes, drops: bytes) -> Handler:
    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            for drop in drops:
                connection.sendall(bytes((drop,)))
                time.sleep(0.05)

    return opened(drip)


_said("masked", b"\x81\x85\x01\x02\x03\x04" + bytes(5), "malformed")
_said("reserved_bits", frame(b"x", reserved=7), "malformed")
_said("reserved_bit_of_deflate", frame(zlib.compress(bytes(MIB))[2:-4], reserved=4), "malformed")
_said("opcode_unknown", frame(b"x", 5), "malformed")
_said("opcode_unknown_control", frame(b"x", 14), "malformed")
_said("length_2_63", frame_head(1 << 63) + b"x" * 1000, "too_large")
_said("length_2_64", frame_head((1 << 64) - 1) + b"x" * 1000, "too_large")
_said("length_not_minimal", b"\x81\x7f" + (5).to_bytes(8, "big") + b"hello")
_said("length_of_60_mib_and_nothing", frame_head(60 * MIB), "too_large")
_said("ping_too_long", frame(bytes(126), PING), "malformed")
_said("ping_length_2_63", frame_head(1 << 63, PING) + b"x", "too_large")
_said("ping_fragmented", frame(b"x", PING, fin=False), "malformed")
_said("pongs_unasked", frame(b"x", PONG) * 1000)
_said("continuation_of_nothing", frame(b"x", 0), "malformed")
_said("text_within_fragments", frame(b"x", fin=False) + frame(b"y"), "malformed")
_said("text_not_utf8", frame(b"\xff\xfe\xc0\x80"), "malformed")
_said("text_of_surrogates", frame(b"\xed\xa0\x80"), "malformed")
_said("text_not_utf8_in_fragments", frame(b"\xff", fin=False) + frame(b"\xff", 0), "malformed")
_said("text_of_nul", frame(bytes(1000)))
_said("empty_frames", frame() * 10_000)
_said("close_empty", frame(b"", CLOSE), "closed")
_said("close_one_byte", frame(b"\x03", CLOSE), "malformed")
_said("close_code_0", frame(b"\0\0", CLOSE), "malformed")
_said("close_code_1005", frame(b"\x03\xed", CLOSE), "malformed")
_said("close_code_65535", frame(b"\xff\xff", CLOSE), "malformed")
_said("close_reason_not_utf8", frame(b"\x03\xe8\xff\xfe", CLOSE), "malformed")
_said("close_reason_of_controls", frame(b"\x03\xe8\x1b[2J\0\x07", CLOSE), "closed")
_said("close_reason_too_long", frame(b"\x03\xe8" + b"x" * 200, CLOSE), "malformed")
_said("close_and_more", frame(b"\x03\xe8", CLOSE) + frame(b"x") * 100, "closed")
_said("http_again", b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200, "malformed")
_framed("fragments_endless", _streaming(frame(b"x", fin=False), frame(b"x" * 1000, 0, fin=False)), "too_large")
_framed("fragments_of_nothing_endless", _streaming(frame(b"", fin=False), frame(b"", 0, fin=False)), "too_large")
_framed("pings_endless", _streaming(b"", frame(b"x" * 125, PING)), "too_large")
_framed("messages_endless", _streaming(b"", frame(b"x" * 100)))
_framed("large_messages_endless", _streaming(b"", frame(b"x" * 1_000_000)))
_framed("binary_endless", _streaming(b"", frame(bytes(1000), BINARY)))
_framed("frame_endless", _streaming(frame_head((1 << 63) - 1), b"x"), "too_large")
_framed("drip_in_header", _dripping(b"\x81", b"\x7f\0\0\0\0\0\0\x10"))
_framed("drip_in_payload", _dripping(frame_head(100_000), b"x"))
_framed("drip_of_pings", _dripping(b"", frame(b"", PING)))


def _one_message_of(size: int) -> Handler:
    def send(connection: socket.socket) -> None:
        for piece in Repeated(frame_head(size), b"x", size):
            connection.sendall(piece)

    return opened(send)


_framed("message_of_200_mb", _one_message_of(200 * MIB), "too_large")
_framed("message_of_60_mib", _one_message_of(60 * MIB), "too_large")
_framed("message_of_7_mib", _one_message_of(7 * MIB), "too_large")


@hostile("cut", kind=Kind.CONNECTIONS)
def frames_cut_in_header(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(accept(request) + b"\x81\x7e\x01")
    return False


@hostile("cut", kind=Kind.CONNECTIONS)
def frames_reset_in_payload(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(accept(request) + frame_head(1000) + b"x" * 10)
    time.sleep(0.02)
    return reset(connection)


@hostile(kind=Kind.CONNECTIONS)
def frames_deaf_to_close(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(accept(request))
    time.sleep(3)
    return False


@hostile(kind=Kind.CONNECTIONS)
def frames_answer_close_with_flood(connection: socket.socket, request: bytes) -> bool:
    connection.sendall(accept(request))
    connection.recv(100)
    while True:
        connection.sendall(frame(b"x" * 1000, TEXT) * 100)
