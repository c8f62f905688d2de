"""What is read out of a WebSocket server's bytes: any valid stream, however it is split, and anything else."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websocket import ABNF

from loadtasks.engine.websocket import frames
from loadtasks.engine.websocket.frames import FrameError, Frames
from tests.loadtasks.engine.websocket.fanout import CLOSE, PING, PONG, close_frame, frame

CONT, TEXT, BINARY = 0, 1, 2
MASKED = 0x80
Read = tuple[int, str | bytes]


def read(*pieces: bytes) -> list[Read]:
    reader = Frames()
    return [message for piece in pieces if piece for message in reader.feed(piece)]


def read_until_refused(*pieces: bytes) -> tuple[list[Read], FrameError | None]:
    reader, seen = Frames(), list[Read]()
    try:
        for piece in filter(None, pieces):
            for message in reader.feed(piece):
                seen.append(message)
    except FrameError as error:
        return seen, error
    return seen, None


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


payloads = st.one_of(
    st.text(max_size=40), st.sampled_from(["", "x" * 125, "x" * 126, "é" * 300, "x" * 65535, "x" * 65536])
).map(str.encode)
controls = st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125))
cuts_of = st.lists(st.integers(0, 200_000), max_size=12)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[Read]]:
    """One message in one or more frames, control frames between them, and what is to be read of it."""
    opcode, payload = draw(st.sampled_from([TEXT, BINARY])), draw(payloads)
    pieces = split(payload, draw(st.lists(st.integers(0, 70_000), max_size=3)))
    wire, expected = b"", list[Read]()
    for number, piece in enumerate(pieces):
        wire += frame(piece, opcode=CONT if number else opcode, fin=number == len(pieces) - 1)
        if number < len(pieces) - 1 and draw(st.booleans()):
            control, carried = draw(controls)
            wire += frame(carried, opcode=control)
            expected.append((control, carried))
    return wire, [*expected, (opcode, payload.decode() if opcode == TEXT else payload)]


@given(st.lists(messages(), min_size=1, max_size=5), cuts_of)
def test_a_valid_stream_gives_the_same_messages_however_it_is_split(
    stream: list[tuple[bytes, list[Read]]], cuts: list[int]
) -> None:
    data = b"".join(wire for wire, _ in stream)
    expected = [message for _, of_one in stream for message in of_one]
    assert read(data) == expected
    assert read(*split(data, cuts)) == expected


@given(messages(), cuts_of)
def test_nothing_is_kept_once_a_message_is_whole(message: tuple[bytes, list[Read]], cuts: list[int]) -> None:
    reader = Frames()
    for piece in filter(None, split(message[0], cuts)):
        list(reader.feed(piece))
    assert (reader._data, reader._buffer, reader._fragments) == (b"", None, None)


@given(st.lists(payloads, min_size=1, max_size=5), cuts_of)
def test_what_websocket_client_writes_is_read(texts: list[bytes], cuts: list[int]) -> None:
    written = [ABNF(1, 0, 0, 0, TEXT, 0, text).format() for text in texts]
    assert read(*split(b"".join(written), cuts)) == [(TEXT, text.decode()) for text in texts]


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_random_bytes_are_read_or_refused_by_name(pieces: list[bytes]) -> None:
    _, error = read_until_refused(*pieces)
    assert error is None or error.code in ("malformed", "too_large")


@given(payloads, st.binary(min_size=1, max_size=20), cuts_of)
def test_what_comes_before_rubbish_is_read(payload: bytes, rubbish: bytes, cuts: list[int]) -> None:
    seen, error = read_until_refused(*split(frame(payload) + frame(rubbish, rsv=2), cuts))
    assert seen == [(TEXT, payload.decode())]
    assert error is not None


BROKEN = {
    "compressed though not offered": frame(b"x", rsv=4),
    "unknown opcode": frame(b"x", opcode=3),
    "masked": bytes([0x81, MASKED | 1]) + b"mask" + b"x",
    "masked and longer": bytes([0x81, MASKED | 126, 0, 200]) + b"mask" + b"x" * 200,
    "text that is no UTF-8": frame(b"\xff"),
    "text in pieces that is no UTF-8": frame(b"\xc3", fin=False) + frame(b"x", opcode=CONT),
    "a continuation of nothing": frame(b"x", opcode=CONT),
    "a message within a message": frame(b"x", fin=False) + frame(b"y"),
    "a ping in pieces": frame(b"x", opcode=PING, fin=False),
    "a pong in pieces": frame(b"x", opcode=PONG, fin=False),
    "a ping that is too long": frame(b"x" * 126, opcode=PING),
    "half a close code": frame(b"x", opcode=CLOSE),
    "a close code that there is not": close_frame(1004),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_frame_is_malformed(data: bytes) -> None:
    for pieces in ([data], [data[n : n + 1] for n in range(len(data))]):
        with pytest.raises(FrameError) as raised:
            read(*pieces)
        assert raised.value.code == "malformed"


def test_a_message_in_frames_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_MAX_FRAGMENTS", 100)
    with pytest.raises(FrameError) as raised:
        read(frame(b"", fin=False), *[frame(b"", opcode=CONT, fin=False)] * 1000)
    assert raised.value.code == "too_large"
    assert "more than 100 frames" in str(raised.value)


def endless(first: bytes) -> Iterator[bytes]:
    yield first
    while True:
        yield frame(b"x" * 1000, opcode=CONT, fin=False)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"\x81\x7f" + (5000).to_bytes(8, "big")],
        [b"\x82\x7f" + (2**63 - 1).to_bytes(8, "big")],
        itertools.islice(endless(frame(b"x", fin=False)), 20),
    ],
    ids=["at once", "longer than any", "in pieces"],
)
def test_a_message_that_is_too_large_is_refused_before_it_is_there(
    pieces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MAX_MESSAGE", 4000)
    with pytest.raises(FrameError) as raised:
        read(*pieces)
    assert raised.value.code == "too_large"
