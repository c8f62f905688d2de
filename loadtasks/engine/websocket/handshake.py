"""The opening handshake of a WebSocket (RFC 6455, section 4), the client's side."""

import base64
import hashlib
import os

import httptools

from loadtasks.engine.http.exchange import ProblemError
from loadtasks.engine.http.request_encoder import Writer
from loadtasks.engine.net.target import Target
from loadtasks.measurement.errors import ErrorCode
from loadtasks.scenarios.model import Request

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = "key-to-be-replaced"
_SWITCHING_PROTOCOLS = 101
_OK = 200


class Upgrade:
    """The handshake's request to one path of a target; only the key differs between connections."""

    def __init__(self, path: str, target: Target) -> None:
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": _KEY,
            "Sec-WebSocket-Version": "13",
        }
        wire = Writer(target).write_down(Request(path=path, headers=headers))
        self._before, self._after = wire.before.split(_KEY.encode())
        self.line = wire.line

    def data(self, key: str) -> bytes:
        """The bytes of a handshake with this key."""
        return self._before + key.encode() + self._after


class HandshakeError(ProblemError):
    """An upgrade that was refused or answered wrongly."""


class Handshake:
    """One connection's handshake."""

    def __init__(self, upgrade: Upgrade) -> None:
        self.status = 0
        """Of the answer; 0 before it."""
        self._key = base64.b64encode(os.urandom(16)).decode()
        self._headers: dict[str, str] = {}
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self.request = upgrade.data(self._key)

    def feed(self, data: bytes) -> bytes | None:
        """Read on in the answer. Returns None until it is there, then what came after it: the WebSocket's first bytes.

        Raises:
            HandshakeError: the upgrade was refused, or this is no answer to it.
        """
        assert self._parser is not None  # noqa: S101 - nothing is fed once the answer was there
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            raise HandshakeError(
                ErrorCode.MALFORMED, f"not an HTTP/1.1 answer: {error}; it begins {data[:80]!r}"
            ) from error
        else:
            if not self.status:
                return None
            rest = b""
        self._parser = None
        self._check()
        return rest

    # What httptools calls while it parses.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; repeated ones are joined (RFC 9110, section 5.3)."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """The head of an answer is there; interim ones (1xx) are followed by the real one."""
        assert self._parser is not None  # noqa: S101 - as above
        status = self._parser.get_status_code()
        if status == _SWITCHING_PROTOCOLS or status >= _OK:
            self.status = status
        else:
            self._headers.clear()

    def _check(self) -> None:
        """What section 4.1 has a client check of the answer. Nothing was offered, so nothing may be chosen."""
        if self.status != _SWITCHING_PROTOCOLS:
            raise HandshakeError(ErrorCode.STATUS, f"the upgrade was answered {self.status}, expected 101")
        headers = self._headers
        if headers.get("upgrade", "").lower() != "websocket" or "upgrade" not in headers.get("connection", "").lower():
            raise HandshakeError(ErrorCode.MALFORMED, "the upgrade was answered 101 without `Upgrade: websocket`")
        # SHA-1 is the protocol's, for no secret.
        digest = hashlib.sha1(f"{self._key}{_GUID}".encode(), usedforsecurity=False).digest()
        if headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
            raise HandshakeError(ErrorCode.MALFORMED, "the upgrade was answered with a wrong Sec-WebSocket-Accept")
        for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
            if name in headers:
                raise HandshakeError(
                    ErrorCode.MALFORMED, f"the upgrade was answered with {name}, which was not offered"
                )
