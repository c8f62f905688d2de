"""Known heads: a response without a parser reads as one with it, and nothing else is taken for one."""

import pytest

from loadtasks.engine.http.response_heads import KnownHeads

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nServer-Timing: db;dur=1\r\n\r\n"
HEADERS = {"content-length": "4", "server-timing": "db;dur=1"}


@pytest.fixture
def heads() -> KnownHeads:
    learnt = KnownHeads()
    learnt.learn(HEAD + b"body", 200, HEADERS, 4)
    return learnt


def test_a_head_seen_before_says_what_it_said(heads: KnownHeads) -> None:
    assert heads.find(HEAD + b"else") == (200, HEADERS, 4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD,
        HEAD + b"bod",
        HEAD + b"body+",
        HEAD[:-4],
        HEAD.replace(b"200", b"201") + b"body",
        HEAD.replace(b"dur=1", b"dur=2") + b"body",
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"body",
    ],
    ids=lambda data: repr(data[-30:]),
)
def test_what_is_cut_longer_or_another_is_the_parsers(heads: KnownHeads, data: bytes) -> None:
    assert heads.find(data) is None


@pytest.mark.parametrize(
    ("data", "headers", "length"),
    [
        (HEAD + b"body", {}, 4),
        (HEAD + b"body", {"content-length": "5"}, 4),
        (HEAD + b"body", HEADERS | {"transfer-encoding": "chunked"}, 4),
        (HEAD, HEADERS, 0),  # to HEAD
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"body", HEADERS, 4),
    ],
)
def test_only_plain_heads_are_learnt(data: bytes, headers: dict[str, str], length: int) -> None:
    heads = KnownHeads()
    heads.learn(data, 200, headers, length)
    assert heads.find(data) is None


def test_heads_that_never_come_again_are_forgotten() -> None:
    heads = KnownHeads()
    for number in range(1000):
        heads.learn(HEAD.replace(b"dur=1", b"dur=%d" % number) + b"body", 200, HEADERS, 4)
    assert len(heads._known) <= 64
    assert heads.find(HEAD.replace(b"dur=1", b"dur=999") + b"body") is not None
