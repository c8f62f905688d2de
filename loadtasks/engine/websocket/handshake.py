"""The opening handshake of a WebSocket (RFC 6455, section 4), the client's side."""

import base64
import hashlib
import os

import httptools

from loadtasks.engine.http.obs_fold import Unfolding
from loadtasks.engine.http.request_encoder import RequestEncoder
from loadtasks.engine.http.response_body import quoted_body
from loadtasks.engine.http.response_framing import MAX_HEAD, add_header, own_mistake
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.failure import FailureError
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.model import Request

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = "key-to-be-replaced"
_SWITCHING_PROTOCOLS = 101
_OK = 200
_READ_HEADERS = frozenset(
    (
        b"upgrade",
        b"connection",
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"sec-websocket-protocol",
        b"content-type",
        b"content-encoding",
    )
)
"""The headers that are kept. A head of 256 KiB can have 30,000 others, which take 10 MB as strings."""
_MAX_REFUSAL = 8192
"""Bytes of a refusal's body that are waited for; its beginning says why."""


class Upgrade:
    """The handshake's request to one path of a target; only the key differs between connections."""

    def __init__(self, path: str, target: Target) -> None:
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": _KEY,
            "Sec-WebSocket-Version": "13",
        }
        encoded = RequestEncoder(target).encode(Request(path=path, headers=headers))
        self._before, self._after = encoded.before.split(_KEY.encode())
        self.line = encoded.line

    def data(self, key: str) -> bytes:
        """The bytes of a handshake with this key."""
        return self._before + key.encode() + self._after


class HandshakeError(FailureError):
    """An upgrade that was refused, or a response to it that breaks the protocol."""


class Handshake:
    """One connection's handshake."""

    def __init__(self, upgrade: Upgrade) -> None:
        self.status = 0
        """HTTP status of the response; 0 before it."""
        self._key = base64.b64encode(os.urandom(16)).decode()
        self._headers: dict[str, str] = {}
        self._body = b""
        self._head_size = 0
        self._whole = False
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._unfolding = Unfolding()
        self.request = upgrade.data(self._key)

    @property
    def refused(self) -> bool:
        """Whether the response refuses the upgrade, though its body may not be complete yet."""
        return self.status not in (0, _SWITCHING_PROTOCOLS)

    def feed(self, data: bytes) -> bytes | None:
        """Read the response. Returns None until it is complete, then the bytes after it: the WebSocket's first ones.

        Raises:
            HandshakeError: the upgrade was refused, or this is not a valid response to it.
        """
        assert self._parser is not None  # noqa: S101 - nothing is fed after the response
        self._head_size += 0 if self.status else len(data)
        head, after, rest = b"", data, b""
        try:
            while after and not self.status:
                head, after = self._unfolding.take(after)
                self._parser.feed_data(head)
            if after:
                self._parser.feed_data(after)
        except httptools.HttpParserUpgrade as upgrade:
            rest = head[upgrade.args[0] :] + after
        except httptools.HttpParserError as error:
            mistake = own_mistake(error)
            if mistake is not None:
                raise mistake from None
            if not self.refused:
                raise HandshakeError(
                    ErrorCode.MALFORMED, f"not an HTTP/1.1 response: {error}; it begins {data[:2000]!r}"
                ) from error
            self._whole = True  # its head said enough
        if not self.status and self._head_size > MAX_HEAD:
            text = f"the head of the response to the upgrade is larger than {MAX_HEAD >> 10} KiB"
            raise HandshakeError(ErrorCode.TOO_LARGE, text)
        if not self.status or (self.refused and not self._whole and len(self._body) < _MAX_REFUSAL):
            return None
        self._parser = None
        if self.refused:
            raise self.refusal()
        self._check()
        return rest

    def refusal(self) -> HandshakeError:
        """The refusal of the upgrade, with what the target said so far of why."""
        text = f"the response to the upgrade was {self.status}, expected 101"
        return HandshakeError(ErrorCode.STATUS, text, lambda: quoted_body(self._body, self._headers))

    # What httptools calls while it parses.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; repeated ones are joined (RFC 9110, section 5.3)."""
        lower = name.lower()
        if lower in _READ_HEADERS:
            add_header(self._headers, lower.decode("latin-1"), value)

    def on_headers_complete(self) -> None:
        """The head of a response is complete; an interim one (1xx) is followed by the final one."""
        assert self._parser is not None  # noqa: S101 - nothing is fed after the response
        status = self._parser.get_status_code()
        if status == _SWITCHING_PROTOCOLS or status >= _OK:
            self.status = status
        else:
            self._headers.clear()

    def on_body(self, body: bytes) -> None:
        """A piece of the body, which only a refusal has."""
        self._body += body

    def on_message_complete(self) -> None:
        """A response is complete; an interim one (1xx) is followed by the final one."""
        self._whole = bool(self.status)

    def _check(self) -> None:
        """Check what RFC 6455, section 4.1, requires. No extension or subprotocol was offered: none may be chosen."""
        headers = self._headers
        if headers.get("upgrade", "").lower() != "websocket" or "upgrade" not in headers.get("connection", "").lower():
            raise HandshakeError(ErrorCode.MALFORMED, "the upgrade was accepted (101) without `Upgrade: websocket`")
        # SHA-1 is the protocol's, for no secret.
        digest = hashlib.sha1(f"{self._key}{_GUID}".encode(), usedforsecurity=False).digest()
        if headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
            raise HandshakeError(ErrorCode.MALFORMED, "the response to the upgrade has a wrong Sec-WebSocket-Accept")
        for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
            if name in headers:
                raise HandshakeError(ErrorCode.MALFORMED, f"the response has {name}, which was not offered")
