"""Whether a target responds, and its version."""

import gzip

import pytest

from loadtasks.engine.http.probe import TargetSilentError, check_alive, probe, read_version
from loadtasks.engine.net.target import Target
from loadtasks.errors import TargetUnavailableError
from tests.servers import answering, free_port, hanging_up, ok, scripted


@pytest.mark.parametrize("status", ["200 OK", "301 Moved Permanently", "401 Unauthorized", "404 Not Found"])
def test_any_response_below_500_will_do(status: str) -> None:
    with scripted(answering(ok(status=status))) as server:
        check_alive(Target(server.url))
        check_alive(Target(server.url, health_path="/up"))
    assert [request.split()[1] for request in server.requests] == [b"/healthz", b"/up"]


def test_a_server_error_counts_where_the_path_was_named() -> None:
    with scripted(answering(ok(status="503 Service Unavailable"))) as server:
        check_alive(Target(server.url))
        with pytest.raises(TargetUnavailableError, match="GET /up responded 503"):
            check_alive(Target(server.url, health_path="/up"))


def test_a_target_that_is_not_there_is_not_silent() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TargetUnavailableError, match=r"can't be reached \(connection refused\)") as raised:
        check_alive(Target(url))
    assert not isinstance(raised.value, TargetSilentError)


def test_a_target_that_gives_no_response_is_silent() -> None:
    with hanging_up() as url, pytest.raises(TargetSilentError, match="got no whole response"):
        check_alive(Target(url))
    with scripted(answering(b"nonsense\r\n\r\n")) as server, pytest.raises(TargetSilentError, match="not an HTTP"):
        check_alive(Target(server.url))


def test_the_targets_login_is_sent() -> None:
    with scripted(answering(ok())) as server:
        check_alive(Target(server.url, token="t0ken"))
    assert b"\r\nAuthorization: Bearer t0ken\r\n" in server.requests[0]


def test_a_page_is_read_whole_decompressed_and_bounded() -> None:
    with scripted(answering(ok(gzip.compress(b"text"), "Content-Encoding: gzip"))) as server:
        response = probe(Target(server.url), "/page")
        assert (response.status, response.body()) == (200, b"text")
        with pytest.raises(TargetSilentError, match="larger than 10 bytes"):
            probe(Target(server.url), "/page", max_body=10)
    with scripted(answering(ok(gzip.compress(b"x" * 1000), "Content-Encoding: gzip"))) as server:
        response = probe(Target(server.url), "/page", max_body=500)
        with pytest.raises(ValueError, match="when it is decompressed"):
            response.body()


@pytest.mark.parametrize(
    ("body", "version"),
    [
        (b'{"version": "1.2.3"}', "1.2.3"),
        (b'{"version": 7, "revision": "abc"}', "7+abc"),
        (b'{"revision": "abc"}', None),
        (b"[]", None),
        (b"<p>", None),
        (b'{"version": "%s"}' % (b"9" * 1000), "9" * 200),
        (b'{"version": "%s"}' % (b"9" * 100_000), None),
        (b'{"version": "1\\u0000.\\ud8002"}', "1 .\N{REPLACEMENT CHARACTER}2"),
        (b'{"version": ' + b"[" * 20_000, None),
        (b'{"version": NaN}', None),
    ],
)
def test_a_version_is_read_where_there_is_one(body: bytes, version: str | None) -> None:
    with scripted(answering(ok(body))) as server:
        assert read_version(Target(server.url)) == version
    assert read_version(Target(f"http://127.0.0.1:{free_port()}")) is None
