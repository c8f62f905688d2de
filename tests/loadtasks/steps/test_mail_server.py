"""A mail server that misbehaves is given up in bounded time and memory."""

import contextlib
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest

from loadtasks.steps import mail_server
from loadtasks.steps.mail_server import SendingError, SmtpServer
from tests.mail_servers import mail_server as good_server

LASTS_S = 20.0


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "loadtasks@example.org", "somebody@example.org", "hello"
    made.set_content("hello")
    return made


@contextlib.contextmanager
def serving(behave: Callable[[socket.socket], None]) -> Iterator[SmtpServer]:
    """A mail server that does this with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield SmtpServer.at(f"smtp://127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)


def endlessly(first: bytes, piece: bytes, every_s: float) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.sendall(first)
        until = time.monotonic() + LASTS_S
        while time.monotonic() < until:
            connection.sendall(piece)
            time.sleep(every_s)

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        endlessly(b"", b"2", 0.02),
        endlessly(b"220-", b"x", 0.02),
        endlessly(b"220 ready\r\n", b"250-A\r\n", 0.02),
    ],
    ids=["a greeting", "a line of it", "the reply to EHLO"],
)
def test_a_server_that_drips_is_given_up(
    behave: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_server, "DEADLINE_S", 0.3)
    with serving(behave) as server, pytest.raises(SendingError, match=r"not done within 0.3 s") as raised:
        server.send(message())
    assert (raised.value.of_server, raised.value.may_pass) == (True, False)


def taking_and_dripping(connection: socket.socket) -> None:
    """Take a message, and let the reply to QUIT drip."""
    file = connection.makefile("rb")
    connection.sendall(b"220 ready\r\n")
    in_message = False
    for line in file:
        if in_message:
            in_message = line != b".\r\n"
            if in_message:
                continue
        elif line.upper().startswith(b"QUIT"):
            endlessly(b"", b"2", 0.02)(connection)
            return
        elif line.upper().startswith(b"DATA"):
            in_message = True
            connection.sendall(b"354 go on\r\n")
            continue
        connection.sendall(b"250 ok\r\n")


def test_a_message_that_is_taken_is_sent_however_the_server_says_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_server, "DEADLINE_S", 2.0)
    with serving(taking_and_dripping) as server:
        assert "somebody@example.org" in server.send(message()).where


@pytest.mark.parametrize("first", [b"", b"220 ready\r\n"], ids=["greeting", "reply"])
def test_a_reply_without_end_fills_no_memory(first: bytes) -> None:
    tracemalloc.start()
    try:
        with (
            serving(endlessly(first, b"220-more\r\n" * 1000, 0.0)) as server,
            pytest.raises(SendingError, match="a reply of more than 64 KiB"),
        ):
            server.send(message())
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_good_server_gets_the_message() -> None:
    with good_server() as server:
        assert "somebody@example.org" in SmtpServer.at(server.url).send(message()).where
        assert server.subjects == ["hello"]
