"""Responses whose boundaries are wrong."""

import socket
import time

from tests.field.hostile.case import add, hostile
from tests.field.hostile.wire import dripping, flooding, head, sending, stalling, wait_for_end, whole

_CHUNKED = head("Transfer-Encoding: chunked")
_FINE = whole(b"{}")


def _framed(name: str, data: bytes, *expected: str, keep: bool = True, **fields: object) -> None:
    add(name, __name__, *expected, respond=sending(data, keep=keep), **fields)


def _stalled(name: str, data: bytes, *expected: str, **fields: object) -> None:
    add(name, __name__, *expected, respond=stalling(data), **fields)


_framed("length_too_short", head("Content-Length: 5") + b"0123456789")
_stalled("length_too_long", head("Content-Length: 100") + b"0123456789", "timeout")
_framed("length_too_long_and_closed", head("Content-Length: 100") + b"0123456789", "cut", keep=False)
_framed("length_negative", head("Content-Length: -1") + b"{}", "malformed")
_framed("length_twice_different", head("Content-Length: 2", "Content-Length: 3") + b"{}", "malformed")
_framed("length_list_different", head("Content-Length: 2, 3") + b"{}", "malformed")
_stalled("length_1e18_digits", head("Content-Length: 1000000000000000000") + b"{}", "timeout")
_framed("length_1e18", head("Content-Length: 1e18") + b"{}", "malformed")
_framed("length_above_64_bits", head("Content-Length: 99999999999999999999999") + b"{}", "malformed")
_framed("length_hexadecimal", head("Content-Length: 0x2") + b"{}", "malformed")
_framed("length_with_sign", head("Content-Length: +2") + b"{}", "malformed")
_framed("length_other_digits", head("Content-Length: \xb2") + b"{}", "malformed")
_framed(
    "length_and_chunked", head("Content-Length: 2", "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n", "malformed"
)
_framed("coding_unknown", head("Transfer-Encoding: nonsense") + b"{}", keep=False)
_framed("coding_chunked_twice", head("Transfer-Encoding: chunked, chunked") + b"2\r\n{}\r\n0\r\n\r\n")
_framed("chunk_size_garbage", _CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", "malformed")
_stalled("chunk_size_huge", _CHUNKED + b"7fffffffffffffff\r\n{}", "timeout")
_framed("chunk_size_above_64_bits", _CHUNKED + b"fffffffffffffffff\r\n{}", "malformed")
_framed("chunk_size_negative", _CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", "malformed")
_framed("chunk_without_end", _CHUNKED + b"2\r\n{}{}{}\r\n0\r\n\r\n", "malformed")
_framed("chunk_cut", _CHUNKED + b"ff\r\n{}", "cut", keep=False)
_framed("chunks_without_last", _CHUNKED + b"2\r\n{}\r\n", "cut", keep=False)
_framed("bare_line_feeds", b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", "malformed")
_framed("status_line_only", b"HTTP/1.1 200 OK\r\n", "cut", keep=False)
_framed("http_09", b"<html>hello</html>\r\n", "malformed", keep=False)
_framed("http_2_settings", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00\x03\x00\x00\x00\x80" * 3, "malformed")
_framed("http_2_preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "malformed")
_framed("http_3_version", b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}", "malformed")
_framed("a_request_as_response", b"GET / HTTP/1.1\r\nHost: you\r\n\r\n", "malformed")
_framed("tls_record_as_response", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "malformed")
_framed("nul_bytes", bytes(4096), "malformed")
_framed("status_0", head("Content-Length: 2", status="0 Zero") + b"{}", "malformed")
_framed("status_000", head("Content-Length: 2", status="000 Zero") + b"{}", "malformed")
_framed("status_999", head("Content-Length: 2", status="999 What") + b"{}", "status")
_framed("status_negative", head("Content-Length: 2", status="-1 Minus") + b"{}", "malformed")
_framed("status_10000", head("Content-Length: 2", status="10000 Much") + b"{}", "malformed")
_framed("status_words", head("Content-Length: 2", status="OK") + b"{}", "malformed")
_framed("status_superscript", head("Content-Length: 2", status="20\xb2 OK") + b"{}", "malformed")
_framed("two_responses", _FINE + _FINE)
_framed("two_responses_other_status", _FINE + whole(b"no", status="500 No"))
_framed("bytes_after_response", _FINE + b"\r\n\r\ngarbage")
_framed("body_after_204", head(status="204 No Content") + b"a body that may not be")
_framed("body_after_304", head("Content-Length: 9", status="304 Not Modified") + b"not empty", "status")
_framed("body_after_head", _FINE, request={"method": "HEAD"})
_framed("switches_protocols_unasked", head("Upgrade: h2c", "Connection: Upgrade", status="101 Switching"), "malformed")
_framed("interim_then_close", head(status="100 Continue") + head(status="103 Early Hints"), "cut", keep=False)
_stalled("interim_only", head(status="102 Processing"), "timeout")

add("chunk_size_endless_zeros", __name__, "too_large", respond=flooding(_CHUNKED, b"0"))
add("chunk_extension_endless", __name__, "too_large", respond=flooding(_CHUNKED + b"2;x=", b"y"))
add("chunks_of_one_byte_endless", __name__, "timeout", respond=flooding(_CHUNKED, b"1\r\n.\r\n"))
add("trailers_endless", __name__, "too_large", respond=flooding(_CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-Trailer: y\r\n"))
add("trailer_line_endless", __name__, "too_large", respond=flooding(_CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"y"))
add("interim_endless", __name__, "too_large", respond=flooding(b"", head(status="103 Early Hints")))
add("interim_dripping", __name__, "timeout", respond=dripping(b"", head(status="100 Continue")))
add("responses_endless", __name__, respond=flooding(_FINE, _FINE))
add("blank_lines_endless", __name__, "too_large", respond=flooding(b"", b"\r\n"))


@hostile("timeout", connection=True, possible=["cut"], completes=True)
def response_before_request(connection: socket.socket) -> None:
    connection.sendall(_FINE)
    wait_for_end(connection)


@hostile(connection=True, exit_code=3, possible=["malformed", "cut"])
def garbage_before_request(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.com ESMTP ready\r\n")
    wait_for_end(connection)


@hostile()
def second_response_later(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(_FINE)
    time.sleep(0.01)
    connection.sendall(_FINE)
    return True


@hostile("timeout")
def interim_is_a_whole_response(connection: socket.socket, _request: bytes) -> bool:
    connection.sendall(head("Content-Length: 5", status="150 Odd") + b"01234")
    return True
