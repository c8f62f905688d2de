"""Two instances behind nginx as deploy/nginx.conf sets it up, over one PostgreSQL and one Redis."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import requests
import websocket

from tests.app.service import CRITERIA, ROOT, SESSIONS, STATS, Service, prepare, running
from tests.app.test_worker import clients, wait_for_log
from tests.postgresql import create_database
from tests.redis_server import RedisServer
from tests.servers import free_port, ok, scripted

TIMEOUT_S = 20
PUTS = 10


@dataclass
class Front:
    """nginx and the instances behind it."""

    url: str
    """nginx's address."""
    instances: tuple[Service, ...]
    """The services behind it."""
    log: Path
    """nginx's log of requests."""

    def get(self, path: str, **headers: str) -> requests.Response:
        """Send a request on a new connection."""
        sent = {"Authorization": f"Bearer {self.instances[0].token}"} | headers
        return requests.get(self.url + path, headers=sent, timeout=TIMEOUT_S)

    def listen(self) -> websocket.WebSocket:
        header = [f"Authorization: Bearer {self.instances[0].token}"]
        return websocket.create_connection(
            self.url.replace("http", "ws", 1) + "/api/v1/events", header=header, timeout=10
        )


def program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        reason = f"no {name} here (Debian: apt-get install {package})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def configuration(folder: Path, port: int, upstream: list[int]) -> str:
    """The project's own configuration; only addresses and folders are others."""
    text = (ROOT / "deploy/nginx.conf").read_text()
    for pattern, replacement, count in (
        (r" /tmp/", f" {folder}/", 6),
        (
            r"server api:8000 resolve(.*);",
            " ".join(rf"server 127.0.0.1:{upstream_port}\1;" for upstream_port in upstream),
            2,
        ),
        (r"listen 8080 ", f"listen 127.0.0.1:{port} ", 1),
        (r"/dev/stdout", f"{folder}/access.log", 1),
        (r"/dev/stderr", f"{folder}/error.log", 1),
    ):
        text, found = re.subn(pattern, replacement, text)
        assert found == count, pattern
    return text


@contextmanager
def nginx(folder: Path, upstream: list[int]) -> Iterator[str]:
    """Run nginx before what listens at these ports; gives its address."""
    command = [program("nginx", "nginx-light"), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    command += ["-g", "daemon off;" + (" user root;" if os.geteuid() == 0 else "")]
    port = free_port()
    (folder / "nginx.conf").write_text(configuration(folder, port, upstream))
    # It ends with the tests, also when they are killed and clean up nothing.
    process = subprocess.Popen(["setpriv", "--pdeathsig=TERM", *command])
    try:
        wait_for_port(port, folder / "error.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


def wait_for_port(port: int, log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return


@contextmanager
def opened_front(folder: Path, database_url: str) -> Iterator[Front]:
    """Two instances with everything that instances share, and nginx before them."""
    redis = RedisServer(program("redis-server", "redis-server"))
    redis.start()
    with ExitStack() as stack:
        stack.callback(redis.stop)
        database = prepare(folder, 100, database_url)
        stack.callback(database.dispose)
        instances = []
        for name in ("one", "other"):
            own = folder / name
            own.mkdir()
            settings = {"APP_REDIS_URL": redis.url, "APP_SESSION_DURATION_S": "0.2"}
            instances.append(stack.enter_context(running(database, own, **settings)))
        url = stack.enter_context(nginx(folder, [port_of(instance.url) for instance in instances]))
        yield Front(url, tuple(instances), folder / "access.log")


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[Front]:
    """The front and its two instances; tests leave them running."""
    with opened_front(tmp_path_factory.mktemp("front"), create_database(postgresql)) as found:
        yield found


def counted(service: Service, sample: str) -> float:
    """A metric of one instance, read without nginx."""
    found = re.findall(rf"^{re.escape(sample)} (\S+)$", service.get("/metrics").text, flags=re.MULTILINE)
    return float(found[0]) if found else 0.0


def test_requests_are_spread_over_the_instances(front: Front):
    answered = 'http_request_duration_seconds_count{method="GET",route="/api/v1/dashboard/stats",status="200"}'
    before = [counted(instance, answered) for instance in front.instances]
    assert {front.get(STATS).status_code for _ in range(20)} == {200}
    grown = [counted(instance, answered) - earlier for instance, earlier in zip(front.instances, before, strict=True)]
    assert sum(grown) == 20
    assert min(grown) > 0


def test_websockets_pass_and_those_of_one_client_meet_the_same_instance(front: Front):
    listening = [front.listen() for _ in range(4)]
    assert sorted(counted(instance, "websocket_connections") for instance in front.instances) == [0, 4]
    for client in listening:
        client.ping("here")
        assert client.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"here")
        client.close()


def test_an_event_of_one_instance_reaches_the_clients_of_both(front: Front):
    listening = [front.listen(), *(instance.listen() for instance in front.instances)]
    ids = [instance.start_session().json()["id"] for instance in front.instances for _ in range(3)]
    for client in listening:
        started = []
        while len(started) < len(ids):
            event = json.loads(client.recv())
            if event["type"] == "session.created" and event["session"]["id"] in ids:
                started.append(event["session"]["id"])
        assert sorted(started) == sorted(ids)
        client.close()


@pytest.mark.parametrize(
    ("path", "limit"), [(STATS, 60), (f"{SESSIONS}?page_size=1", 120), (CRITERIA, 120), (CRITERIA, 10)]
)
def test_a_user_s_limit_is_exact_over_both_instances(front: Front, path: str, limit: int):
    token = front.instances[0].new_token("read", "write", name=f"limited to {limit} of {path}")
    criteria = front.get(CRITERIA).content

    def ask(_: int) -> tuple[int, bool]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        method, body = ("PUT", criteria) if limit == PUTS else ("GET", None)
        response = requests.request(method, front.url + path, data=body, headers=headers, timeout=TIMEOUT_S)
        return response.status_code, "Retry-After" in response.headers

    with ThreadPoolExecutor(8) as together:
        responses = Counter(together.map(ask, range(limit + 20)))
    assert responses == {(200, False): limit, (429, True): 20}


def test_metrics_are_kept_from_the_outside(front: Front):
    assert front.get("/metrics").status_code == 404
    assert {front.get(path).status_code for path in ("/healthz", "/readyz", "/version", "/docs")} == {200}


def test_a_request_s_own_id_goes_with_it_and_others_get_one(front: Front):
    assert front.get(STATS, **{"X-Request-Id": "mine-1"}).headers["X-Request-Id"] == "mine-1"
    made = {front.get(STATS).headers["X-Request-Id"] for _ in range(2)}
    assert len(made) == 2


def test_forwarding_headers_of_clients_are_not_trusted(tmp_path):
    with scripted(lambda connection, _: bool(connection.sendall(ok()))) as api, nginx(tmp_path, [api.port]) as url:
        forged = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "elsewhere"}
        assert requests.get(url + STATS, headers=forged, timeout=TIMEOUT_S).status_code == 200
        lines = api.requests[0].decode().lower().split("\r\n")
    forwarded = dict(line.split(": ") for line in lines if line.startswith("x-forwarded"))
    host = url.removeprefix("http://")
    assert forwarded == {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": host}


def test_a_failed_response_is_not_retried(tmp_path):
    bad = ok(status="503 Service Unavailable")
    with scripted(lambda connection, _: bool(connection.sendall(bad))) as api, nginx(tmp_path, [api.port] * 2) as url:
        assert requests.get(url + STATS, timeout=TIMEOUT_S).status_code == 503
        assert len(api.requests) == 1


def test_a_body_that_is_too_large_goes_no_further(front: Front):
    token = {"Authorization": f"Bearer {front.instances[0].token}"}
    refused = requests.post(front.url + STATS, data=b"x" * 2_000_000, headers=token, timeout=TIMEOUT_S)
    assert refused.status_code == 413


def test_clients_that_send_slowly_delay_nobody(tmp_path):
    head = f"PUT {CRITERIA} HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n"
    with ExitStack() as stack:
        api = stack.enter_context(scripted(lambda connection, _: bool(connection.sendall(ok()))))
        url = stack.enter_context(nginx(tmp_path, [api.port]))
        for begun in [head, head + "\r\n{"] * 20:
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port_of(url)), timeout=TIMEOUT_S))
            slow.sendall(begun.encode())
        assert requests.get(url + STATS, timeout=TIMEOUT_S).status_code == 200
        assert api.connections == 1


def test_no_request_fails_while_the_instances_replace_their_workers(front: Front):
    with clients(replace(front.instances[0], url=front.url), keep_alive=True) as running_clients:
        for instance in front.instances:
            instance.process.send_signal(signal.SIGHUP)
        for instance in front.instances:
            wait_for_log(instance, "Booting worker", 2)
            wait_for_log(instance, "Worker exiting")
        running_clients.wait_for_responses(50)
    assert running_clients.failures == []
    assert running_clients.other == set()


def test_an_unreachable_instance_costs_no_request_and_is_logged(front: Front, tmp_path):
    with nginx(tmp_path, [port_of(front.instances[0].url), free_port()]) as url:
        token = {"Authorization": f"Bearer {front.instances[0].token}"}
        responses = [requests.get(url + STATS, headers=token, timeout=TIMEOUT_S) for _ in range(10)]
    assert {response.status_code for response in responses} == {200}
    assert ", " in (tmp_path / "access.log").read_text()
