"""Header values that somebody reads, and shouldn't believe."""

from tests.field.hostile.case import SCHEDULED, add
from tests.field.hostile.wire import head, sending, whole


def _with(name: str, *lines: str, expected: tuple[str, ...] = (), status: str = "200 OK", **fields: object) -> None:
    add(name, __name__, *expected, respond=sending(whole(b"{}", *lines, status=status)), **fields)


def _timing(name: str, value: str, **fields: object) -> None:
    _with(f"server_timing_{name}", f"Server-Timing: {value}", **fields)


_timing("of_10_mb", "a;dur=1," * 1_250_000, expected=("too_large",))
_timing("of_50_kb", "a;dur=1," * 6_000)
_timing("nan", "db;dur=nan, a;dur=-nan")
_timing("infinite", "db;dur=inf, a;dur=-Infinity, b;dur=1e400")
_timing("negative", "db;dur=-5")
_timing("huge", "db;dur=1e300")
_timing("almost_infinite", "db;dur=1.7976931348623157e308")
_timing(
    "garbage",
    ';;;=,,;dur,=;dur=x;"',
)
_timing("unterminated", 'db;desc="' + "x" * 5_000)
_timing("other_digits", "db;dur=\xb2")
_timing("name_of_50_kb", "x" * 50_000 + ";dur=1")
_timing("controls", "d\x01\x1bb;dur=1;desc=\x7f\x80", expected=("malformed",))
_timing("many_names", ", ".join(f"phase{n};dur=1" for n in range(2_000)))
_timing("underscored_digits", "db;dur=1_000")
_with("retry_after_garbage", "Retry-After: soon; \xb2", status="429 Slow")
_with("retry_after_huge", "Retry-After: " + "9" * 5_000, status="503 Slow")
_with("retry_after_negative", "Retry-After: -1", status="429 Slow")
_with("retry_after_empty", "Retry-After:", status="429 Slow")
_with("retry_after_with_200", "Retry-After: 99999999")
_with("request_id_of_10_mb", "X-Request-Id: " + "y" * 10_000_000, expected=("too_large",))
_with("request_id_of_60_kb", "X-Request-Id: " + "y" * 60_000)
_with("request_id_with_controls", "X-Request-Id: a\x01\x1b[2J\x7f", expected=("malformed",))
_with("request_id_with_c1_controls", "X-Request-Id: a\x80\x9b\xad\xff")
_with("request_id_with_nul", "X-Request-Id: a\0b", expected=("malformed",))
_with("request_id_with_carriage_return", "X-Request-Id: a\rb", expected=("malformed",))
_with("request_id_is_markup", "X-Request-Id: <script>alert(1)</script>&amp;|`*_[x](javascript:1)")
_with("content_type_odd", "Content-Type: ;;;charset=\xff;charset=idna", status="500 No", expected=("status",))
_with("charset_unknown", "Content-Type: text/plain; charset=" + "x" * 30_000, status="500 No", expected=("status",))
_with("charset_undefined", "Content-Type: text/plain; charset=undefined", status="500 No", expected=("status",))
_with("charset_that_decodes_nothing", "Content-Type: text/plain; charset=rot13", status="500 No", expected=("status",))
_with("connection_contradicts", "Connection: close, keep-alive, close")
_with("keep_alive_garbage", "Keep-Alive: timeout=-1, max=1e99")
_with("location_loops", "Location: /location_loops", status="302 Round", expected=("status",))
_with("location_of_50_kb", "Location: //" + "x" * 50_000, status="302 Round", expected=("status",))
_with(
    "www_authenticate_odd",
    "WWW-Authenticate: " + '"' * 9_999,
    status="401 No",
    expected=("status",),
    request={"method": "POST"},
)
_with(
    "refused_everything",
    "WWW-Authenticate: Basic",
    status="401 No",
    exit_code=2,
    measured=False,
    settings={"LOADTASKS_SERVICE": "x"},
)
_with("header_without_colon", "No colon here", expected=("malformed",))
_with("header_with_empty_name", ": nobody", expected=("malformed",))
_with("header_with_blank_in_name", "X Odd: y", expected=("malformed",))
_with("cookies_by_the_hundred", *(f"Set-Cookie: a{n}={'y' * 100}; Max-Age=1e9" for n in range(300)))
_with("date_odd", "Date: yesterday", "Expires: -1", "Age: 1e400")
add(
    "trailer_that_is_a_length",
    __name__,
    "malformed",
    respond=sending(head("Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\nContent-Length: 99\r\n\r\n"),
)
add(
    "statuses_all_different",
    __name__,
    "status",
    respond=sending(b"".join(whole(b"", status=f"{200 + n} S") for n in range(1, 1 + SCHEDULED)), keep=True),
    request={"checks": {"status": 200}},
)
