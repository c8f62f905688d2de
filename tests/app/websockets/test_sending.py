import socket

import pytest

from app.websockets.sending import send


def test_sending_never_blocks_and_returns_what_was_sent():
    ours, theirs = socket.socketpair()
    data = b"x" * 10_000_000
    sent = send(ours.fileno(), data)
    assert 0 < sent < len(data)
    assert send(ours.fileno(), data) == 0
    theirs.close()
    with pytest.raises(BrokenPipeError):
        send(ours.fileno(), data)
    ours.close()
