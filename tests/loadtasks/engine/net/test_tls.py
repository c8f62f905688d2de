"""HTTP and WebSockets over TLS, and over IPv6: certificates are made here, by a CA made here."""

import asyncio
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
import uvloop
from websockets.sync.server import ServerConnection, serve

from loadtasks.engine.http.connection import HttpConnection
from loadtasks.engine.http.probe import check_alive
from loadtasks.engine.net.connector import ConnectError, Connector
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.errors import BadInputError, TargetUnavailableError
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import ClosedLoad, ConnectionsLoad
from loadtasks.scenarios.model import CONNECT_TIMEOUT_S, ConnectionsScenario, HttpScenario, Request
from tests.servers import answering, free_port, ok, scripted

LOOPBACK = ("127.0.0.1", "::1", "localhost")
EXPIRED = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def bundle(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The CA is known, as an operator makes it known."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    return path


def certified(authority: trustme.CA, *names: str, expires: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or LOOPBACK), not_after=expires).configure_cert(context)
    return context


def http(target: Target, **settings: object) -> Measurement:
    scenario = HttpScenario(
        name="thing.test",
        endpoint="thing",
        requests=(Request(path="/thing"),),
        load=ClosedLoad(workers=2, requests=6),
        warmup_requests=0,
        **settings,
    )
    (measurement,) = run_scenario(scenario, target)
    assert measurement.conservation_gap == 0
    return measurement


def websocket(target: Target, **settings: object) -> Measurement:
    scenario = ConnectionsScenario(
        name="ws.test", endpoint="ws", path="/events", load=ConnectionsLoad(connections=6), **settings
    )
    (measurement,) = run_scenario(scenario, target)
    assert measurement.conservation_gap == 0
    return measurement


@contextlib.contextmanager
def http_server(tls: ssl.SSLContext | None, host: str = "127.0.0.1") -> Iterator[str]:
    with scripted(answering(ok()), tls=tls, host=host) as server:
        yield server.url


@contextlib.contextmanager
def websocket_server(tls: ssl.SSLContext | None, host: str = "127.0.0.1") -> Iterator[str]:
    def hold(client: ServerConnection) -> None:
        with contextlib.suppress(Exception):
            for _ in client:
                pass

    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    with serve(hold, sock=listener, ssl=tls) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        bracketed = f"[{host}]" if ":" in host else host
        yield f"{'https' if tls else 'http'}://{bracketed}:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


Server = Callable[..., contextlib.AbstractContextManager[str]]
BOTH = pytest.mark.parametrize(
    ("server", "exercise"), [(http_server, http), (websocket_server, websocket)], ids=["http", "websocket"]
)


@BOTH
def test_a_verified_target_is_exercised_over_tls(
    authority: trustme.CA, server: Server, exercise: Callable[[Target], Measurement]
) -> None:
    with server(certified(authority)) as url:
        assert url.startswith("https://")
        measurement = exercise(Target(url))
        check_alive(Target(url))
    assert measurement.counts.completed == 6, measurement.errors
    assert measurement.phases["connect"].count >= 2


@BOTH
@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        ("unknown authority", "no known CA has signed the target's certificate"),
        ("expired", "the target's certificate has expired"),
        ("another name", "not valid for '127.0.0.1'"),
    ],
)
def test_a_target_that_does_not_verify_is_a_named_failure(
    authority: trustme.CA, server: Server, exercise: Callable[[Target], Measurement], flaw: str, words: str
) -> None:
    tls = {
        "unknown authority": lambda: certified(trustme.CA()),
        "expired": lambda: certified(authority, expires=EXPIRED),
        "another name": lambda: certified(authority, "elsewhere.example"),
    }[flaw]()
    with server(tls) as url:
        measurement = exercise(Target(url))
        with pytest.raises(TargetUnavailableError, match=words):
            check_alive(Target(url))
    assert measurement.counts.failed == 6
    assert [error.code for error in measurement.errors] == ["tls"]
    assert "TLS failed: " in measurement.errors[0].sample
    assert words in measurement.errors[0].sample
    assert "_ssl.c" not in measurement.errors[0].sample
    assert measurement.response.count == 0


@contextlib.contextmanager
def mute(response: bytes) -> Iterator[Target]:
    """A target that takes connections and never shakes hands: it says nothing, or at once the same to everyone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    taken.append(connection)
                    connection.sendall(response)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield Target(f"https://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


@pytest.mark.parametrize("exercise", [http, websocket])
def test_a_target_without_tls_at_an_https_address_is_reported(exercise: Callable[[Target], Measurement]) -> None:
    with mute(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as target:
        measurement = exercise(target)
    assert [error.code for error in measurement.errors] == ["tls"]
    assert "does not respond with TLS; does its address begin with http://" in measurement.errors[0].sample


@pytest.mark.parametrize("exercise", [http, websocket])
def test_a_connection_that_never_stands_fails_after_the_scenarios_connect_timeout(
    exercise: Callable[..., Measurement],
) -> None:
    with mute(b"") as target:
        measurement = exercise(target, connect_timeout_s=0.2)
    assert measurement.counts.failed == 6
    assert [error.code for error in measurement.errors] == ["connect_timeout"]
    assert "no connection within 0.2 s" in measurement.errors[0].sample
    assert measurement.response.count == 6, "nobody was let in: that time counts as any timeout's does"


def test_a_connect_timeout_goes_before_the_default() -> None:
    with mute(b"") as target, pytest.raises(ConnectError, match=r"no connection within 0\.1 s"):
        connected(target.url, timeout_s=0.1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "REQUESTS_CA_BUNDLE: .*ca.pem: there is no such file"),
        ("no certificate", "ca.pem has no CA certificates"),
        ("a FIFO", "REQUESTS_CA_BUNDLE: .*ca.pem: a FIFO, not a file"),
    ],
)
def test_a_ca_bundle_that_can_not_be_used_is_one_sentence(bundle: Path, content: str | None, words: str) -> None:
    bundle.unlink()
    if content == "a FIFO":
        os.mkfifo(bundle)
    elif content is not None:
        bundle.write_text(content)
    with pytest.raises(BadInputError, match=words):
        http(Target(f"https://127.0.0.1:{free_port()}"))


def test_a_folder_of_cas_is_looked_into(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cas").mkdir()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "cas"))
    with http_server(certified(authority)) as url:
        measurement = http(Target(url))
    assert "no known CA" in measurement.errors[0].sample


@BOTH
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_target_at_an_ipv6_address(
    authority: trustme.CA, server: Server, exercise: Callable[[Target], Measurement], encrypted: bool
) -> None:
    with server(certified(authority) if encrypted else None, "::1") as url:
        assert "://[::1]:" in url
        measurement = exercise(Target(url))
    assert measurement.counts.completed == 6, measurement.errors


class DualStack(uvloop.Loop):
    """Knows `dual.example`, which has an IPv6 and an IPv4 address, the IPv6 one first."""

    async def getaddrinfo(self, host: str, port: int, **settings: int) -> list[tuple[object, ...]]:
        if host != "dual.example":
            return await super().getaddrinfo(host, port, **settings)
        return [found for name in ("::1", "127.0.0.1") for found in socket.getaddrinfo(name, port, **settings)]


def connected(url: str, times: int = 1, timeout_s: float = CONNECT_TIMEOUT_S) -> list[str]:
    """The peers of so many connections in turn."""

    async def connect() -> list[str]:
        connector, peers = Connector(Target(url), timeout_s), []
        for _ in range(times):
            connection = HttpConnection(connector, lambda exchange: None, Recorder)
            await asyncio.wait_for(connection.connect(), CONNECT_TIMEOUT_S / 2)
            assert connection._transport is not None
            peers.append(connection._transport.get_extra_info("peername")[0])
            connection.close()
        return peers

    with asyncio.Runner(loop_factory=DualStack) as runner:
        return runner.run(connect())


@pytest.mark.parametrize("listens", ["::1", "127.0.0.1"])
def test_a_name_with_two_addresses_is_reached_at_the_one_that_listens(listens: str) -> None:
    with scripted(answering(ok()), host=listens) as server:
        assert connected(f"http://dual.example:{server.port}", times=2) == [listens, listens]


def test_a_certificate_is_held_against_the_name_and_not_the_address(authority: trustme.CA) -> None:
    with scripted(answering(ok()), tls=certified(authority, "dual.example")) as server:
        assert connected(f"https://dual.example:{server.port}") == ["127.0.0.1"]
        with pytest.raises(ConnectError, match=r"not valid for '127.0.0.1'"):
            connected(server.url)


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("http://dual.example:{port}", "refused", "connection refused"),
        ("http://nowhere.invalid", "unreachable", "nowhere.invalid can't be resolved"),
    ],
)
def test_a_target_that_can_not_be_reached_is_named(url: str, kind: str, words: str) -> None:
    with pytest.raises(ConnectError, match=words) as raised:
        connected(url.format(port=free_port()))
    assert raised.value.code == kind
