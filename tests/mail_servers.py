"""Real SMTP servers for tests, which keep what they get, refuse it, or break down."""

import socket
from asyncio import AbstractServer
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class MailServer:
    """An SMTP server whose replies a test may change."""

    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    """Recipients and message of each mail that it took."""
    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    """Replies to senders and recipients by address, and under `DATA` to a message; those missing are accepted."""
    dies_after_data: int = 0
    """How many messages it takes, breaking the connection instead of replying."""
    while_sending: Callable[[], None] = lambda: None
    """Called when a message has arrived, before it is taken."""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]).strip() for _, message in self.mails]

    @property
    def words(self) -> list[str]:
        """The words in brackets that the subjects begin with."""
        return [subject[1:].partition("]")[0] for subject in self.subjects]

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if refusal := self.replies.get(address):
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if refusal := self.replies.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.while_sending()
        if refusal := self.replies.get("DATA"):
            return refusal
        message = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]
        self.mails.append((list(envelope.rcpt_tos), message))  # type: ignore[arg-type]
        if self.dies_after_data:
            self.dies_after_data -= 1
            assert server.transport is not None
            server.transport.abort()
        return "250 kept"


class ListeningController(Controller):
    """Serves on a socket that listens already, so that it does so in the thread of the test."""

    def __init__(self, listener: socket.socket, handler: MailServer, **behaviour: Any) -> None:
        host, port = listener.getsockname()
        super().__init__(handler, hostname=host, port=port, **behaviour)
        self._listener = listener

    def _create_server(self) -> Awaitable[AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._listener)


@contextmanager
def mail_server(**behaviour: object) -> Iterator[MailServer]:
    """A server on a free port."""
    server = MailServer(**behaviour)  # type: ignore[arg-type]
    with serving(server):
        yield server


@contextmanager
def serving(server: MailServer) -> Iterator[None]:
    """The server up; where it has been up before, at the same port."""
    controller = ListeningController(
        socket.create_server(("127.0.0.1", server.port)),
        server,
        authenticator=lambda *_: AuthResult(success=False, handled=False, message="535 not with correct-horse"),
        auth_require_tls=False,
    )
    controller.start()
    server.port = controller.port
    try:
        yield
    finally:
        controller.stop()


def text_of(message: EmailMessage) -> str:
    """The plain text of a mail on one line."""
    body = message.get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())
