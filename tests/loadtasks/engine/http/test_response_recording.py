"""What is recorded of responses: what was read back, and the server's phases."""

import socket

import pytest

from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import ReadBack, Request
from tests.loadtasks.engine.http_runs import TEN, run, run_against, scenario
from tests.servers import answering, ok, scripted


class Document:
    """A target that keeps what is put, or forgets it."""

    def __init__(self, *, keeps: bool) -> None:
        self.stored = b'{"n": 0}'
        self.keeps = keeps

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        if head.startswith(b"PUT") and self.keeps:
            self.stored = body
        connection.sendall(ok(self.stored))
        return True


@pytest.mark.parametrize(("keeps", "completed"), [(True, 6), (False, 0)])
def test_each_update_is_read_back_and_compared(keeps: bool, completed: int) -> None:
    with scripted(Document(keeps=keeps)) as server:
        updates = tuple(Request(method="PUT", path="/doc", json={"n": n}) for n in (1, 2, 3))
        measurement = run(
            server, scenario(ClosedLoad(workers=1, requests=6), *updates, read_back=ReadBack(path="/doc"))
        )
        assert measurement.counts.completed == completed
        assert [request.split(b" ")[0] for request in server.requests] == [b"PUT", b"GET"] * 6
        if not keeps:
            assert "what was read back is not what was sent" in measurement.errors[0].sample


def test_server_timing_is_summed_by_phase() -> None:
    header = 'Server-Timing: db;dur=12.5, cache;desc="hit, warm", total;dur=20, broken;dur=x'
    measurement = run_against(answering(ok(b"{}", header)), scenario(TEN))
    assert measurement.phases["server:db"].count == 10
    assert measurement.phases["server:db"].total_s == pytest.approx(0.125)
    assert measurement.phases["server:total"].max_s == pytest.approx(0.020)
    assert {"connect", "waiting", "first_byte", "body", "server:db", "server:total"} == set(measurement.phases)
