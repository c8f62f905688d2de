"""Bodies that are small on their way and large, deep or slow where somebody reads them."""

import functools
import gzip
import socket
import threading
import zlib
from collections.abc import Callable

from tests.field.hostile.case import add
from tests.field.hostile.wire import MIB, whole
from tests.servers import Handler

_GOOD = {"checks": {"json": {"good": {"equals": True}}}}
_DEEP = {"checks": {"json": {"a.0.a.0": {"equals": True}}}}
_ZEROS = bytes(MIB)
_DEPTH = 200_000


@functools.cache
def gzip_bomb(size: int, wbits: int = 31) -> bytes:
    """A body of zeros of this size, compressed; the checksum at its end, which nobody should get to, is wrong."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    first = packer.compress(_ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(_ZEROS) + packer.flush(zlib.Z_FULL_FLUSH)  # it refers to nothing before it
    return first + again * (size // MIB - 1) + packer.flush()


def _made(make: Callable[[], bytes]) -> Handler:
    """A handler that sends what is made once, when it is first asked for."""
    lock, made = threading.Lock(), functools.cache(make)

    def respond(connection: socket.socket, _request: bytes) -> bool:
        with lock:
            data = made()
        connection.sendall(data)
        return True

    return respond


def _compressed(coding: str, make: Callable[[], bytes]) -> Handler:
    return _made(lambda: whole(make(), f"Content-Encoding: {coding}", "Content-Type: application/json"))


def _checked(name: str, body: bytes, *expected: str, json: dict[str, object] | None = None, **fields: object) -> None:
    checks = {"json": json or {"good": {"equals": True}}}
    responding = _made(lambda: whole(body, "Content-Type: application/json"))
    add(name, __name__, *expected, respond=responding, request={"checks": checks}, **fields)


# Compressed: what is read of it is small, or it fails.
add(
    "gzip_bomb_checked",
    __name__,
    "too_large",
    respond=_compressed("gzip", lambda: gzip_bomb(6000 * MIB)),
    request=_GOOD,
)
add("gzip_bomb_unread", __name__, respond=_compressed("gzip", lambda: gzip_bomb(6000 * MIB)))
add(
    "gzip_bomb_of_error",
    __name__,
    "status",
    respond=_made(lambda: whole(gzip_bomb(6000 * MIB), "Content-Encoding: gzip", status="500 No")),
)
add(
    "gzip_bomb_pattern",
    __name__,
    "too_large",
    costly=True,
    respond=_compressed("gzip", lambda: gzip_bomb(6000 * MIB)),
    request={"checks": {"body_matches": "good"}},
)
add(
    "deflate_bomb",
    __name__,
    "too_large",
    respond=_compressed("deflate", lambda: gzip_bomb(1000 * MIB, 15)),
    request=_GOOD,
)
add(
    "raw_deflate_bomb",
    __name__,
    "too_large",
    costly=True,
    respond=_compressed("deflate", lambda: gzip_bomb(1000 * MIB, -15)),
    request=_GOOD,
)
add(
    "gzip_within_gzip_bomb",
    __name__,
    "too_large",
    costly=True,
    respond=_compressed("gzip, gzip", lambda: gzip.compress(gzip_bomb(6000 * MIB))),
    request=_GOOD,
)
add(
    "gzip_nested_five_times",
    __name__,
    "too_large",
    costly=True,
    respond=_compressed(", ".join(["gzip"] * 5), lambda: _packed_again(gzip_bomb(6000 * MIB), 4)),
    request=_GOOD,
)
add(
    "gzip_nested_50_times",
    __name__,
    "check",
    respond=_compressed(", ".join(["gzip"] * 50), lambda: _packed_again(b'{"good": true}', 50)),
    request=_GOOD,
)
add(
    "gzip_of_many_members",
    __name__,
    "too_large",
    respond=_compressed("gzip", lambda: gzip.compress(b"") * 300_000),
    request=_GOOD,
)
add("br_bomb", __name__, "check", respond=_compressed("br", lambda: _brotli_bomb(1000)), request=_GOOD)
add("br_not_offered", __name__, "check", respond=_compressed("br", lambda: b"\x0b\x01\x80{}\x03"), request=_GOOD)
add(
    "zstd_not_offered",
    __name__,
    "check",
    respond=_compressed("zstd", lambda: b"\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00{}"),
    request=_GOOD,
)
add(
    "gzip_truncated",
    __name__,
    "check",
    respond=_compressed("gzip", lambda: gzip.compress(b'{"good": true}')[:-9]),
    request=_GOOD,
)
add(
    "gzip_damaged",
    __name__,
    "check",
    respond=_compressed("gzip", lambda: b"\x1f\x8b\x08\x00" + bytes(range(200))),
    request=_GOOD,
)
add(
    "gzip_wrong_sum",
    __name__,
    "check",
    respond=_compressed("gzip", lambda: gzip.compress(b'{"good": true}')[:-8] + bytes(8)),
    request=_GOOD,
)
add("coding_of_10_kb", __name__, "check", respond=_compressed("x" * 10_000, lambda: b"{}"), request=_GOOD)
add("coding_list_of_10_kb", __name__, "check", respond=_compressed("gzip," * 2_000, lambda: b"{}"), request=_GOOD)


def _packed_again(data: bytes, times: int) -> bytes:
    for _ in range(times):
        data = gzip.compress(data)
    return data


def _brotli_bomb(mib: int) -> bytes:
    """A Brotli stream that repeats one byte: where Brotli isn't installed it is not decoded anyway."""
    try:
        import brotli  # noqa: PLC0415 - not among the project's requirements
    except ImportError:
        return b"\x5b\xff\xff\x07" + bytes(100)
    return bytes(brotli.compress(bytes(mib * MIB)))


# Deep.
for _name, _body in (
    ("arrays", b"[" * _DEPTH + b"]" * _DEPTH),
    ("arrays_open", b"[" * _DEPTH),
    ("objects", b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH),
    ("both", b'{"a":[' * _DEPTH + b"]}" * _DEPTH),
):
    _checked(f"nested_{_name}", _body, "check")
_checked("nested_behind_what_is_checked", b'{"good":true,"x":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}", "check")
_checked(
    "nested_10_mb",
    b"[" * 5_000_000 + b"]" * 5_000_000,
    "too_large",
)
_checked("nested_900", b'{"good":true,"x":' + b"[" * 900 + b"]" * 900 + b"}")
add(
    "nested_under_deep_path",
    __name__,
    "check",
    respond=_made(lambda: whole(b'{"a":[' * _DEPTH + b"]}" * _DEPTH)),
    request=_DEEP,
)
add(
    "nested_in_gzip",
    __name__,
    "too_large",
    respond=_compressed("gzip", lambda: gzip.compress(b"[" * 20_000_000)),
    request=_GOOD,
)
add(
    "nested_read_back",
    __name__,
    "check",
    respond=_made(lambda: whole(b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH)),
    request={"method": "PUT", "json": {"a": {"a": 1}}},
    scenario={"read_back": {"path": "/nested_read_back"}},
)

# Numbers and text.
_checked("integer_of_1e6_digits", b'{"good":' + b"9" * 1_000_000 + b"}", "check")
_checked("integer_of_1e6_digits_ranged", b'{"n":' + b"9" * 1_000_000 + b"}", "check", json={"n": {"maximum": 5}})
_checked("integer_of_1e6_digits_typed", b'{"n":' + b"9" * 1_000_000 + b"}", json={"n": {"type": "integer"}})
_checked("fraction_of_1e6_digits", b'{"n":0.' + b"3" * 1_000_000 + b"}", json={"n": {"type": "number"}})
_checked("number_1e400", b'{"n":1e400}', "check", json={"n": {"equals": 5}})
_checked("number_1e400_typed", b'{"n":-1e400}', json={"n": {"type": "integer"}})
_checked("number_with_exponent_of_1e6_digits", b'{"n":1e' + b"9" * 1_000_000 + b"}", "check", json={"n": {"equals": 5}})
_checked("number_nan", b'{"n":NaN}', "check", json={"n": {"equals": 5}})
_checked("number_equals_long", b'{"n":' + b"9" * 4_000 + b".0}", "check", json={"n": {"equals": 5}})
_checked("nul_in_value", b'{"good":"\\u0000\\u0000"}', "check")
_checked("nul_bytes_in_body", b'{"good":"\0\0"}', "check")
_checked("lone_surrogate_in_value", b'{"good":"\\ud800"}', "check")
_checked("lone_surrogate_in_key", b'{"\\udfff":1,"good":"\\udc80\\ud800"}', "check")
_checked("lone_surrogate_in_utf8", b'{"good":"\xed\xa0\x80"}', "check")
_checked("invalid_utf8", b'{"good":"\xff\xfe\xc0\x80"}', "check")
_checked("utf16_body", '{"good":true}'.encode("utf-16"), "check")
_checked("bidi_and_escapes", '{"good":"\u202e\u001b[2J\u001b]0;x\u0007\u2028"}'.encode(), "check")
_checked("value_of_10_mb", b'{"good":"' + b"y" * 10_000_000 + b'"}', "too_large")
_checked("value_of_10_mb_escaped", b'{"good":"' + b"\\u0001" * 1_700_000 + b'"}', "too_large")
_checked("value_is_huge_list", b'{"good":[' + b"0," * 100_000 + b"0]}", "check")
_checked("keys_doubled", b'{"good":true,"good":false}', "check")
_checked("keys_colliding", b"{" + b",".join(b'"%d":0' % n for n in range(50_000)) + b"}", "check")
_checked("path_of_superscript_digit", b'{"a":[1,2,3]}', "check", json={"a.\u00b2": {"equals": 1}})
_checked("path_of_other_digits", b'{"a":[1,2,3]}', "check", json={"a.\u0661": {"equals": 1}})
_checked("path_of_huge_index", b'{"a":[1,2,3]}', "check", json={"a.99999999999999999999999": {"equals": 1}})
_checked("path_into_text", b'{"a":"abc"}', "check", json={"a.0": {"equals": "a"}})
_checked("empty_body", b"", "check")
_checked("not_json", b"<html>" * 10_000, "check")
_checked("json_with_trailing_garbage", b'{"good":true}garbage', "check")

# Slow to search.


def _searched(name: str, pattern: str, body: bytes, *expected: str, **fields: object) -> None:
    add(
        name,
        __name__,
        *expected,
        respond=_made(lambda: whole(body)),
        request={"checks": {"body_matches": pattern}},
        **fields,
    )


_searched("pattern_backtracks_nested_plus", "^(a+)+$", b"a" * 40 + b"!", "check")
_searched("pattern_backtracks_alternatives", "^(a|aa)+$", b"a" * 60 + b"!", "check")
_searched("pattern_backtracks_dots", "(.*)(.*)(.*)(.*)(.*)(.*)[0-9]z", b"x" * 20_000, "check")
_searched("pattern_backtracks_quadratic", "a*b", b"a" * 200_000, "check")
_searched("pattern_backtracks_spaces", "(x+x+)+y", b"x" * 50, "check")
_searched("pattern_matches_long_body", "z$", b"a" * 3_000_000 + b"z")
