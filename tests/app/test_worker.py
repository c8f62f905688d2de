"""Stopping and reloading under load: arrived requests are processed, and none is refused without need."""

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, RemoteDisconnected

import pytest

from tests.app.service import STATS, Service

SLOW = {"APP_FAULTS": "dashboard:slow=1s"}
TIMEOUT_S = 20


def address(service: Service) -> tuple[str, int]:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return host, int(port)


def ask(service: Service, connection: HTTPConnection, path: str = "/version") -> int:
    """Send a request; its status."""
    connection.request("GET", path, headers={"Authorization": f"Bearer {service.token}"})
    response = connection.getresponse()
    response.read()
    return response.status


class Clients:
    """Clients that send requests repeatedly, on one connection each or on a new one per request."""

    def __init__(self, service: Service, *, keep_alive: bool) -> None:
        self._service = service
        self._keep_alive = keep_alive
        self._stop = threading.Event()
        self.answered = 0
        self.other: set[int] = set()
        self.failures: list[str] = []

    def run(self) -> None:
        connection = HTTPConnection(*address(self._service), timeout=TIMEOUT_S)
        while not self._stop.is_set():
            try:
                status = self._ask(connection)
            except OSError as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            self.answered += status == 200
            self.other |= {status} - {200}
            if not self._keep_alive:
                connection.close()

    def _ask(self, connection: HTTPConnection) -> int:
        idle = connection.sock is not None
        try:
            return ask(self._service, connection)
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # HTTP lets a server close an idle connection just as a request comes, and its client asks again.
            if not idle:
                raise
            connection.close()
            return ask(self._service, connection)

    def wait_for_responses(self, count: int) -> None:
        goal, deadline = self.answered + count, time.monotonic() + TIMEOUT_S
        while self.answered < goal:
            assert time.monotonic() < deadline, self.failures
            time.sleep(0.01)

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def clients(service: Service, *, keep_alive: bool) -> Iterator[Clients]:
    running_clients = Clients(service, keep_alive=keep_alive)
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(running_clients.run) for _ in range(4)]
        try:
            running_clients.wait_for_responses(20)
            yield running_clients
        finally:
            running_clients.stop()
    for finished in done:
        finished.result()


def connects(service: Service) -> bool:
    try:
        socket.create_connection(address(service), timeout=TIMEOUT_S).close()
    except ConnectionRefusedError:
        return False
    return True


def wait_for_log(service: Service, words: str, count: int = 1) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while service.log.read_text().count(words) < count:
        assert time.monotonic() < deadline, service.log.read_text()
        time.sleep(0.01)


@contextmanager
def slow_request(service: Service) -> Iterator[Future[int]]:
    """A request that is being processed; its status follows."""
    with ThreadPoolExecutor(1) as pool:
        status = pool.submit(ask, service, HTTPConnection(*address(service), timeout=TIMEOUT_S), STATS)
        deadline = time.monotonic() + TIMEOUT_S
        while "http_requests_in_flight 2.0" not in service.get("/metrics").text:  # it and this one
            assert time.monotonic() < deadline
        yield status


@pytest.mark.parametrize("keep_alive", [True, False])
def test_no_request_fails_while_workers_are_replaced(start, keep_alive: bool):
    service = start()
    with clients(service, keep_alive=keep_alive) as running_clients:
        for booted in (2, 3):
            service.process.send_signal(signal.SIGHUP)
            wait_for_log(service, "Booting worker", booted)
            wait_for_log(service, "Worker exiting", booted - 1)
            running_clients.wait_for_responses(20)
    assert running_clients.failures == []
    assert running_clients.other == set()


def test_a_request_under_way_is_processed_although_its_worker_is_replaced(start):
    service = start(**SLOW)
    with slow_request(service) as status:
        service.process.send_signal(signal.SIGHUP)
        assert status.result(TIMEOUT_S) == 200
    wait_for_log(service, "Worker exiting")
    assert service.get("/version").status_code == 200


def test_a_replaced_worker_closes_its_websockets_and_clients_may_reconnect(start):
    service = start()
    with_old = service.listen()
    service.process.send_signal(signal.SIGHUP)
    assert with_old.recv_frame().data[:2] == (1001).to_bytes(2, "big")
    with_old.close()
    again = service.listen()
    again.ping()
    assert again.recv_data(control_frame=True)[0] == 10
    again.close()


def test_a_stop_finishes_requests_under_way_and_refuses_new_ones(start):
    service = start(**SLOW)
    with slow_request(service) as status:
        service.process.send_signal(signal.SIGTERM)
        wait_for_log(service, "Handling signal: term")
        while connects(service):
            assert not status.done(), "still taken, although nothing is under way any more"
            time.sleep(0.01)  # as many as the system would queue must not be what refuses
        assert status.result(TIMEOUT_S) == 200
    service.http.close()
    assert service.process.wait(TIMEOUT_S) == 0


def test_a_stop_processes_requests_on_connections_that_were_not_accepted_yet(start):
    service = start()
    worker = int(re.findall(r"Booting worker with pid: (\d+)", service.log.read_text())[0])
    os.kill(worker, signal.SIGSTOP)
    with socket.create_connection(address(service), timeout=TIMEOUT_S) as waiting:
        waiting.sendall(b"GET /version HTTP/1.1\r\nHost: here\r\n\r\n")
        service.process.send_signal(signal.SIGTERM)
        wait_for_log(service, "Handling signal: term")
        os.kill(worker, signal.SIGCONT)
        assert waiting.recv(1024).startswith(b"HTTP/1.1 200")
    service.http.close()
    assert service.process.wait(TIMEOUT_S) == 0
