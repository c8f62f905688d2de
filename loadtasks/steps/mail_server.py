"""Sending one mail by SMTP: through the server of `LOADTASKS_SMTP_URL`, and what its refusals mean."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from ipaddress import ip_address
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from loadtasks.plain_text import plain
from loadtasks.redaction.redactor import Redactor
from loadtasks.settings import Settings

_TIMEOUT_S = 20.0
"""How long the server may be silent while it is waited for."""
DEADLINE_S = 60.0
"""How long all of it may take."""
_MAX_REPLY = 65_536
"""Bytes of one reply."""
_PORTS = {"smtp": 25, "smtps": 465}
_PERMANENT = 500
"""Replies from this code on are final (RFC 5321, section 4.2.1); those below may be another one later."""
_UNAVAILABLE = 421
_LOGIN_REPLIES = (530, 534, 535, 538)
"""Replies that speak of the login (RFC 4954), not of the message."""
_MAX_REASON_LENGTH = 500


@dataclass(frozen=True)
class Receipt:
    """That a message was sent."""

    where: str
    """Where it went: recipients and mail server, for people to read."""
    refused: str = ""
    """Which of its recipients were refused, and why; empty where none was."""


Deliver = Callable[[EmailMessage], Receipt]
"""Sends a message. Raises SendingError, or whatever the mail server, its library or the network raises."""


class SendingError(Exception):
    """Why a message was not sent, without secrets."""

    def __init__(self, reason: str, *, refused: bool = False, of_server: bool = False, may_pass: bool = True) -> None:
        super().__init__(reason)
        self.refused = refused
        """Whether the server refuses this message, its sender or all of its recipients for good."""
        self.of_server = of_server
        """Whether the server can't be used at all, so that another message would fare no better."""
        self.may_pass = may_pass
        """Whether another attempt in a few seconds may succeed."""


def configured_mail_server(settings: Settings) -> Deliver | None:
    """How to send a mail through the server of `LOADTASKS_SMTP_URL`; None where there is none."""
    return SmtpServer.at(settings.smtp_url).send if settings.smtp_url is not None else None


@dataclass(frozen=True)
class SmtpServer:
    """A mail server, and how to log in to it."""

    host: str
    port: int
    encrypted: bool
    """Whether the connection is encrypted from its beginning; else as soon as the server offers it (STARTTLS)."""
    user: str = ""
    password: str = ""

    @classmethod
    def at(cls, url: str) -> "SmtpServer":
        """The server at `smtp://user:password@host:25` or `smtps://user:password@host:465`, percent-encoded."""
        parts = urlsplit(url)
        return cls(
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            encrypted=parts.scheme == "smtps",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def send(self, message: EmailMessage) -> Receipt:
        """Send a message.

        Raises:
            SendingError: it could not be sent.
        """
        redact = Redactor([self.password] if self.password else [])
        where = f"{self.host}:{self.port}"
        try:
            refused = self._refused(message)
        except Exception as error:
            raise sending_error(error, redact, where) from None
        return receipt(message, where, refused, redact)

    def _refused(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        """Send a message. Returns the replies to the recipients that were refused; the others have it.

        smtplib's own timeout is that of each wait, and a server that sends a byte now and then is never late. So this
        is done in a thread that is given up after `DEADLINE_S`; what it does to say goodbye is not waited for.

        Raises:
            SendingError: the time is over.
            Exception: what smtplib raises.
        """
        outcome: Future[dict[str, tuple[int, bytes]]] = Future()
        opened: list[_Client] = []

        def run() -> None:
            try:
                with self._connected(opened.append) as client:
                    outcome.set_result(client.send_message(message))
                    with suppress(smtplib.SMTPException, OSError):  # the message is taken, whatever follows
                        client.quit()
            except BaseException as error:
                if not outcome.done():
                    outcome.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        try:
            return outcome.result(DEADLINE_S)
        except FutureTimeoutError:
            if outcome.done():  # smtplib's own
                raise
        for client in opened:
            client.cut()
        raise SendingError(f"the mail server was not done within {DEADLINE_S:g} s", of_server=True, may_pass=False)

    def _connected(self, on_open: Callable[["_Client"], object]) -> "_Client":
        if self.encrypted:
            client: _Client = _EncryptedClient(
                on_open, self.host, self.port, timeout=_TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            client = _Client(on_open, self.host, self.port, timeout=_TIMEOUT_S)
        try:
            self._log_in(client)
        except BaseException:
            client.close()
            raise
        return client

    def _log_in(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        encrypted = self.encrypted
        if not encrypted and client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
            encrypted = True
        if self.user:
            if not encrypted and not _is_this_machine(self.host):
                raise SendingError(
                    f"{self.host}:{self.port}: the server offers no encryption, so the password is not sent; write "
                    "smtps:// where it is encrypted from the beginning",
                    of_server=True,
                    may_pass=False,
                )
            client.login(self.user, self.password)


class _Replies:
    """What a server sends, of which one reply may not be larger than `_MAX_REPLY`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = 0

    def begin(self) -> None:
        """The next reply begins."""
        self._left = _MAX_REPLY

    def readline(self, size: int) -> bytes:
        """The next line, as that of a file.

        Raises:
            OSError: the reply is too large.
        """
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(f"a reply of more than {_MAX_REPLY >> 10} KiB")
        return line

    def close(self) -> None:
        """Close it, as a file."""
        self._file.close()


class _Client(smtplib.SMTP):
    """A connection that is closed at the end of a block, where smtplib's own would raise what follows a sent mail.

    smtplib collects the lines of a reply until the last one, which may never come: here a reply is bounded.
    """

    file: Any
    """What replies are read from, by smtplib; None before the first one, and after STARTTLS."""

    def __init__(self, on_open: Callable[["_Client"], object], host: str, port: int, **settings: Any) -> None:
        """Connect; `on_open` gets this client before it waits for the server."""
        on_open(self)
        super().__init__(host, port, **settings)

    def cut(self) -> None:
        """End the connection from another thread, which may be waiting for it."""
        connection = getattr(self, "sock", None)
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def getreply(self) -> tuple[int, bytes]:
        """The next reply: its code and its text."""
        if self.file is None and self.sock is not None:
            self.file = _Replies(self.sock.makefile("rb"))
        if self.file is not None:
            self.file.begin()
        return super().getreply()

    def __enter__(self) -> "_Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _EncryptedClient(_Client, smtplib.SMTP_SSL):
    """The same over TLS from the beginning."""


def receipt(message: EmailMessage, server: str, refused: Mapping[str, tuple[int, bytes]], redact: Redactor) -> Receipt:
    """The receipt of a message that a server took for all recipients but those that it refused."""
    why = _recipients(refused, redact)
    return Receipt(where=f"{message['To']}, by the mail server {server}", refused=why and f"not to {why}")


def sending_error(error: Exception, redact: Redactor, server: str) -> SendingError:
    """What an error of sending means: for this message, for others, and for another attempt."""
    if isinstance(error, SendingError):
        return error
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        replies = [code for code, _ in error.recipients.values()]
        final = all(code >= _PERMANENT for code in replies)
        reason = f"{server} accepts no recipient: {_recipients(error.recipients, redact)}"
        return SendingError(reason, refused=final, of_server=_UNAVAILABLE in replies)
    if isinstance(error, smtplib.SMTPResponseException):
        code, reason = error.smtp_code, f"{server} responded {_reply(error.smtp_code, error.smtp_error, redact)}"
        final = code >= _PERMANENT
        of_message = isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError)
        if of_message and code != _UNAVAILABLE and code not in _LOGIN_REPLIES:
            return SendingError(reason, refused=final)
        return SendingError(reason, of_server=True, may_pass=not final)
    reason = f"{server}: {redact.shortened(str(error) or type(error).__name__, _MAX_REASON_LENGTH)}"
    passes = isinstance(error, OSError) and not isinstance(error, ssl.SSLCertVerificationError)
    return SendingError(reason, of_server=True, may_pass=passes)


def _recipients(refused: Mapping[str, tuple[int, bytes]], redact: Redactor) -> str:
    return ", ".join(f"{plain(address)} ({_reply(code, text, redact)})" for address, (code, text) in refused.items())


def _reply(code: int, text: bytes | str, redact: Redactor) -> str:
    """A reply of the server on one line: `550 5.1.1 no such user`."""
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return redact.shortened(f"{code} {said}".strip(), _MAX_REASON_LENGTH)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
