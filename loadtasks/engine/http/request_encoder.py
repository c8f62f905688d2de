"""A scenario's request as the bytes that `requests` would send, encoded once and written again and again.

The client's own headers are fixed (`CLIENT_HEADERS`) and not those of whatever packages are installed.

Only the W3C trace context (https://www.w3.org/TR/trace-context/) differs each time: every request of a load carries a
`traceparent` of its own, so that a slow one can be found in the target's traces and logs. The bytes are cut where its
number goes. Its flags are 00: the target is not to record every trace, which would change what is measured.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from loadtasks.engine.http import stale
from loadtasks.engine.net.target import Target
from loadtasks.scenarios.client_headers import CLIENT_HEADERS
from loadtasks.scenarios.model import Request

_VERSION = "00"
_FLAGS = "00"
_TRACEPARENT_LENGTH = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-00")
_TRACEPARENT = "traceparent"


@dataclass(frozen=True, slots=True, eq=False)
class EncodedRequest:
    """One request as bytes: `before`, number, `-`, number, `after`; the number in 16 hex digits.

    Where `after` is empty nothing is filled in: `before` is the whole request.
    """

    before: bytes
    after: bytes
    request: Request
    line: str
    """Method and path, for people."""
    may_be_sent_again: bool
    """Whether its method allows that it is sent twice."""

    def traceparent(self, data: bytes) -> str | None:
        """The trace context in the bytes that were sent; None where they have none."""
        if not self.after:
            given = (value for name, value in self.request.headers.items() if name.lower() == _TRACEPARENT)
            return next(given, None)
        start = len(self.before) - len("00-0123456789abcdef")
        return data[start : start + _TRACEPARENT_LENGTH].decode("ascii")


class RequestEncoder:
    """Encodes requests to one target."""

    def __init__(self, target: Target, trace: str | None = None) -> None:
        """`trace`: the first 16 of the 32 hex digits of every trace id; None adds no trace context."""
        self._target = target
        self._trace = trace
        self._headers = {**CLIENT_HEADERS, **target.headers()}

    def encode(self, request: Request) -> EncodedRequest:
        """Encode a request.

        `requests` decides URL, headers and body; the order of the bytes is that of http.client as urllib3 uses it:
        request line, Host, then the prepared headers.
        """
        headers = CaseInsensitiveDict(self._headers)
        headers.update(request.headers)
        prepared = requests.PreparedRequest()
        prepared.prepare(
            method=request.method,
            url=self._target.url + request.path,
            params=request.query,
            headers=headers,
            json=request.json_body,
        )
        parts = urlsplit(prepared.url or "")
        head = [f"{prepared.method} {prepared.path_url} HTTP/1.1"]
        if "Host" not in prepared.headers:
            head.append(f"Host: {_host(parts.hostname or '', parts.port, parts.scheme)}")
        head += [f"{name}: {_text(value)}" for name, value in prepared.headers.items()]
        body = prepared.body or b""
        before = "\r\n".join(head).encode("latin-1")
        after = b"\r\n\r\n" + (body.encode() if isinstance(body, str) else body)
        line = f"{prepared.method} {prepared.path_url}"
        may_be_sent_again = stale.may_be_sent_again(request.method)
        if self._trace is None or _TRACEPARENT in prepared.headers:
            return EncodedRequest(before + after, b"", request, line, may_be_sent_again)
        traced = f"\r\n{_TRACEPARENT}: {_VERSION}-{self._trace}".encode("ascii")
        return EncodedRequest(before + traced, f"-{_FLAGS}".encode("ascii") + after, request, line, may_be_sent_again)


def _host(name: str, port: int | None, scheme: str) -> str:
    bracketed = f"[{name}]" if ":" in name else name
    default = {"http": 80, "https": 443}[scheme]
    return bracketed if port in (None, default) else f"{bracketed}:{port}"


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
