"""Pages that are asked besides the load: /healthz, /version and /metrics. The load itself finds a healthy target."""

import gzip
import json

from tests.field.hostile.bombs import gzip_bomb
from tests.field.hostile.case import add
from tests.field.hostile.wire import MIB, Repeated, dripping, flooding, head, sending, sending_all, stalling, whole
from tests.servers import Handler

_HEALTH, _VERSION, _METRICS = "/healthz", "/version", "/metrics"
_JSON = "Content-Type: application/json"
_NOT_MEASURED = {"exit_code": 3, "measured": False, "settings": {"LOADTASKS_HEALTH_PATH": _HEALTH}}
_METRICS_WANTED = {"settings": {"LOADTASKS_METRICS_PATH": _METRICS}}


def _lazy(make: object) -> Handler:
    return lambda connection, _request: bool(connection.sendall(make()) or True)  # type: ignore[operator]


def _page(name: str, page: str, respond: Handler, **fields: object) -> None:
    add(name, __name__, pages={page: respond}, **fields)


_HEALTH_PAGES = {
    "silent": stalling(b""),
    "drips_head": dripping(b"", head(status="200 OK")[:-2] * 50),
    "interim_endless": flooding(b"", head(status="102 Processing")),
    "interim_dripping": dripping(b"", head(status="102 Processing")),
    "malformed": sending(b"\0" * 100, keep=False),
    "closes": sending(b"", keep=False),
    "head_endless": flooding(head()[:-2], b"X: y\r\n"),
}
"""Where a health path is configured it has to respond; the usual one is a guess, and nothing is said by its silence."""
for _name, _handler in _HEALTH_PAGES.items():
    _page(f"health_{_name}", _HEALTH, _handler)
    _page(f"health_configured_{_name}", _HEALTH, _handler, **_NOT_MEASURED)
_page("health_drips_body", _HEALTH, dripping(head("Content-Length: 1000"), b"x"))
_page("health_body_endless", _HEALTH, flooding(head(), b"x"))
_page("health_redirect_loop", _HEALTH, sending(whole(b"", "Location: /healthz", status="302 Round")))
_page("health_gzip_bomb", _HEALTH, _lazy(lambda: whole(gzip_bomb(6000 * MIB), "Content-Encoding: gzip")))
_page("health_switches_protocols", _HEALTH, sending(head("Upgrade: x", "Connection: Upgrade", status="101 Up")))


def _version(name: str, body: bytes, *lines: str) -> None:
    _page(f"version_{name}", _VERSION, sending(whole(body, _JSON, *lines)))


_version("nul", b'{"version": "1.0\\u0000\\u0000"}')
_version("nul_bytes", b'{"version": "1.0\0"}')
_version("lone_surrogate", b'{"version": "1.0\\ud800", "revision": "\\udfff"}')
_version("of_10_mb", json.dumps({"version": "9" * 10_000_000}).encode())
_version("of_60_kb", json.dumps({"version": "9" * 60_000}).encode())
_version("nested", b'{"version": ' + b"[" * 30_000 + b"]" * 30_000 + b"}")
_version("nested_900", b'{"version": ' + b"[" * 900 + b"]" * 900 + b"}")
_version("list", b'{"version": [1, {"a": null}]}')
_version("object", b'{"version": {"a": {"b": "\\u0000"}}}')
_version("1e400", b'{"version": 1e400}')
_version("nan", b'{"version": NaN, "revision": -Infinity}')
_version("long_integer", b'{"version": ' + b"9" * 50_000 + b"}")
_version("controls", b'{"version": "\\u001b[2J\\u001b]0;owned\\u0007\\r\\n\\u202e\\u0085"}')
_version("markup", b'{"version": "<script>alert(1)</script>|`*_\\u2028"}')
_version("invalid_utf8", b'{"version": "\xff\xfe"}')
_version("true", b'{"version": true, "revision": false}')
_version("empty", b"")
_version("gzip_bomb", gzip_bomb(60 * MIB), "Content-Encoding: gzip")
_page("version_large_gzip_bomb", _VERSION, _lazy(lambda: whole(gzip_bomb(6000 * MIB), "Content-Encoding: gzip")))
_page("version_drips", _VERSION, dripping(head("Content-Length: 1000"), b" "))
_page("version_endless", _VERSION, flooding(head(), b" "))
_page("version_silent", _VERSION, stalling(b""))
_page("version_redirect_loop", _VERSION, sending(whole(b"", "Location: /version", status="301 Round")))
_page("version_body_of_9_mib", _VERSION, sending_all(Repeated(head(f"Content-Length: {9 * MIB}"), b" ", 9 * MIB)))

_SERIES = b"# TYPE t counter\n" + b"".join(b't{n="%d"} %d\n' % (n, n) for n in range(100_000))
_GAUGE = b"# TYPE g gauge\n"
_METRICS_PAGES: dict[str, Handler] = {
    "endless": flooding(head(), b"a_total 1\n"),
    "dripping": dripping(head(), b"a_total 1\n"),
    "silent": stalling(b""),
    "gzip_bomb": _lazy(lambda: whole(gzip_bomb(1024 * MIB), "Content-Encoding: gzip")),
    "gzip_bomb_of_text": _lazy(lambda: whole(gzip.compress(b"a_total 1\n" * 6_000_000), "Content-Encoding: gzip")),
    "line_of_7_mib": sending(whole(_GAUGE + b'g{a="' + b"y" * 7 * MIB + b'"} 1\n')),
    "malformed": sending(whole(b"{{{} = = #\n\0\xff\n")),
    "malformed_type": sending(whole(b"# TYPE\n# TYPE a\n# HELP\na_total\n")),
    "malformed_labels": sending(whole(_GAUGE + b'g{a="x\n')),
    "many_series": sending(whole(_SERIES)),
    "odd_numbers": sending(
        whole(_GAUGE + b'g{n="1"} nan\ng{n="2"} +Inf\ng{n="3"} 1e400\ng{n="4"} 1_0\ng{n="5"} -1e308\n')
    ),
    "number_of_1e6_digits": sending(whole(_GAUGE + b"g " + b"9" * 1_000_000 + b"\n")),
    "huge_labels": sending(
        whole(_GAUGE + b"g{" + b",".join(b'l%d="%s"' % (n, b"y" * 5_000) for n in range(500)) + b"} 1\n")
    ),
    "nul_in_labels": sending(whole(_GAUGE + b'g{a="\0\x1b[2J"} 1\n')),
    "lone_surrogate": sending(whole(_GAUGE + b'g{a="\xed\xa0\x80"} 1\n')),
    "exemplars_odd": sending(whole(b"# TYPE t counter\nt_total 1 # {} nan nan\n# EOF\nt_total 2\n")),
    "html": sending(whole(b"<html>" * 1_000, "Content-Type: text/html")),
    "empty": sending(whole(b"")),
    "status_500": sending(whole(b"no", status="500 No")),
    "quotes_endless": sending(whole(_GAUGE + b'g{a="' + b'\\"' * 200_000 + b'"} 1\n')),
    "names_backtracking": sending(whole(_GAUGE + b" " * 300_000 + b"g\n" + b"{" * 100_000 + b"\n")),
}
for _name, _handler in _METRICS_PAGES.items():
    _page(f"metrics_{_name}", _METRICS, _handler, **_METRICS_WANTED)


class _GoingBack:
    """A counter that is lower each time it is read."""

    def __init__(self) -> None:
        self._value = 1_000_000

    def __call__(self, connection: object, _request: bytes) -> bool:
        self._value -= 1
        connection.sendall(whole(b"# TYPE t counter\nt_total %d\n" % self._value))  # type: ignore[attr-defined]
        return True


_page("metrics_going_back", _METRICS, _GoingBack(), **_METRICS_WANTED)
