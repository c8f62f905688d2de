"""Responses that are too large, in one place or another."""

import json

from tests.field.hostile.case import add
from tests.field.hostile.wire import MIB, Repeated, flooding, head, sending, sending_all, whole

_CHECKED = {"checks": {"json": {"good": {"equals": True}}}}
_JSON = "Content-Type: application/json"


def _sized(name: str, pieces: Repeated, *expected: str, **fields: object) -> None:
    add(name, __name__, *expected, respond=sending_all(pieces), **fields)


_sized("header_of_200_mb", Repeated(head()[:-2] + b"X-Long: ", b"y", 200 * MIB, b"\r\n\r\n"), "too_large")
_sized("header_name_of_200_mb", Repeated(head()[:-2], b"y", 200 * MIB, b": z\r\n\r\n"), "too_large")
_sized("reason_of_200_mb", Repeated(b"HTTP/1.1 200 ", b"y", 200 * MIB, b"\r\n\r\n"), "too_large")
_sized("status_line_of_200_mb", Repeated(b"HTTP/1.1 2", b"0", 200 * MIB, b"\r\n\r\n"), "malformed")
_sized("kept_header_of_200_mb", Repeated(head()[:-2] + b"X-Request-Id: ", b"y", 200 * MIB, b"\r\n\r\n"), "too_large")
_sized("million_headers", Repeated(head()[:-2], b"X-Many: y\r\n", 11_000_000, b"\r\n"), "too_large")
_sized("million_kept_headers", Repeated(head()[:-2], b"Server-Timing: a;dur=1\r\n", 24_000_000, b"\r\n"), "too_large")
_sized("folded_header_of_200_mb", Repeated(head()[:-2] + b"X-Long: y\r\n", b" y\r\n", 200 * MIB, b"\r\n"), "too_large")
_sized("body_of_65_mib", Repeated(head(f"Content-Length: {65 * MIB}"), b"x", 65 * MIB), "too_large")
_sized("body_of_60_mib_unread", Repeated(head(f"Content-Length: {60 * MIB}"), b"x", 60 * MIB))
_sized(
    "body_of_60_mib_of_error", Repeated(head(f"Content-Length: {60 * MIB}", status="500 No"), b"x", 60 * MIB), "status"
)
_sized(
    "json_of_50_mb",
    Repeated(head(f"Content-Length: {50_000_016 + 6}", _JSON) + b'{"good":true,"x":["', b"y", 50_000_000, b'"]}'),
    "too_large",
    request=_CHECKED,
)
_sized(
    "json_of_50_mb_of_numbers",
    Repeated(head(f"Content-Length: {50_000_000 + 21}", _JSON) + b'{"good":true,"x":[', b"1,", 50_000_000, b"1]}"),
    "too_large",
    request=_CHECKED,
)
_sized(
    "json_of_50_mb_of_objects",
    Repeated(head(_JSON, "Connection: close") + b'{"good":true,"x":[', b"{},", 49_999_998, b"1]}"),
    "too_large",
    request=_CHECKED,
)
_sized(
    "pattern_over_60_mib",
    Repeated(head(f"Content-Length: {60 * MIB}"), b"x", 60 * MIB),
    "too_large",
    request={"checks": {"body_matches": "good|fine"}},
)
add("body_endless", __name__, "too_large", respond=flooding(head(), b"x"))
add(
    "body_endless_chunked",
    __name__,
    "too_large",
    respond=flooding(head("Transfer-Encoding: chunked"), b"1000\r\n" + b"x" * 4096 + b"\r\n"),
)
add("body_endless_of_error", __name__, "too_large", respond=flooding(head(status="500 No"), b"x"))
add(
    "body_endless_checked", __name__, "too_large", respond=flooding(head(_JSON) + b'{"good": "', b"x"), request=_CHECKED
)
add("header_endless", __name__, "too_large", respond=flooding(head()[:-2] + b"X-Long: ", b"y"))
add("headers_endless", __name__, "too_large", respond=flooding(head()[:-2], b"X-Many: y\r\n"))
add("new_headers_each_time", __name__, respond=sending(whole(b"{}", *(f"X-{n}: {'y' * 100}" for n in range(300)))))
add(
    "json_of_3_mb_wanted",
    __name__,
    respond=sending(whole(json.dumps({"good": True, "x": ["y" * 20] * 120_000}).encode(), _JSON)),
    request=_CHECKED,
)
