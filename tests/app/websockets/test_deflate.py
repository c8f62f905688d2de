import tracemalloc

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event

from app.websockets.client import MAX_MESSAGE_BYTES
from app.websockets.deflate import InboundDeflate, negotiate
from tests.app.peer import deflated

BOTH = "server_no_context_takeover"
NONE = "client_no_context_takeover; server_no_context_takeover"
BOMB = deflated(b"\0" * 4_000_000)


@pytest.mark.parametrize(
    ("offers", "response"),
    [
        ("", ""),
        ("permessage-deflate", NONE),
        (" permessage-deflate ; client_max_window_bits", f"{NONE}; client_max_window_bits=15"),
        ('permessage-deflate; client_max_window_bits="10"', f"{NONE}; client_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=12; " + BOTH, f"{NONE}; server_max_window_bits=12"),
        ("x-something, permessage-deflate; server_max_window_bits=9, permessage-deflate", NONE),
        ("permessage-deflate; server_max_window_bits=11", ""),
        ("permessage-deflate; server_max_window_bits", ""),
        ("permessage-deflate; client_max_window_bits=8", ""),
        ("permessage-deflate; client_max_window_bits=16", ""),
        ("permessage-deflate; client_max_window_bits=x", ""),
        ("permessage-deflate; client_max_window_bits=", ""),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits", ""),
        ("permessage-deflate; client_no_context_takeover=10", ""),
        ("permessage-deflate; something", ""),
        ("permessage-deflate;", ""),
        ("permessage-deflat", ""),
    ],
)  # fmt: skip
def test_offers_of_compression(offers: str, response: str):
    assert negotiate(offers) == (f"permessage-deflate; {response}" if response else "")


def taken(protocol: Connection, data: bytes) -> list[Event]:
    protocol.receive_data(data)
    return list(protocol.events())


def test_a_bomb_takes_no_memory():
    protocol = Connection(ConnectionType.SERVER, [InboundDeflate(deflates=True, max_bytes=MAX_MESSAGE_BYTES)])
    frame = bytes([0xC1, 0xFE]) + len(BOMB).to_bytes(2, "big") + bytes(4) + BOMB
    assert len(BOMB) < MAX_MESSAGE_BYTES
    tracemalloc.start()
    (event,) = taken(protocol, frame)
    assert isinstance(event, CloseConnection)
    assert tracemalloc.get_traced_memory()[1] < 200_000
    tracemalloc.stop()
