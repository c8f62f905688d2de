"""A load shared by several processes: what they send and measure together, and what becomes of them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtasks.engine.generator import processes
from loadtasks.engine.generator.driver import Work
from loadtasks.engine.generator.processes import ProcessError, generate_together
from loadtasks.engine.generator.progress import Progress
from loadtasks.engine.net.target import Target
from loadtasks.engine.profiles.pacer import pacer_of
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.errors import BadInputError, ExitCode
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import (
    ClosedLoad,
    ConnectionsLoad,
    HttpLoad,
    OpenLoad,
    Stage,
    StagesLoad,
    WorkerStage,
    WorkerStagesLoad,
)
from loadtasks.scenarios.model import ConnectionsScenario, HttpScenario, MixedScenario, Request
from tests.servers import ScriptedServer, answering, ok, scripted

OPEN = {
    "constant": OpenLoad(rate=20.0, duration_s=0.5),
    "poisson": OpenLoad(rate=20.0, duration_s=0.4, arrivals="poisson", seed=4),
    "ramp": StagesLoad(start_rate=10, stages=(Stage(rate=30.0, duration_s=0.4),)),
}
"""Not more requests than a measurement keeps exemplars, so that every due time is known."""


def part(name: str, load: HttpLoad) -> HttpScenario:
    requests = tuple(Request(method="POST", path=f"/{name}/{n}", json={"n": n}) for n in range(4))
    return HttpScenario(name=f"{name}.test", endpoint=name, requests=requests, load=load, warmup_requests=5)


def everything() -> MixedScenario:
    sockets = ConnectionsScenario(name="w.c", endpoint="w", path="/ws", load=ConnectionsLoad(connections=7))
    closed = part("closed", ClosedLoad(workers=5, requests=23))
    parts = {"closed": closed, "sockets": sockets} | {name: part(name, load) for name, load in OPEN.items()}
    return MixedScenario(name="all.test", endpoint="all", parts=parts)


def sent(server: ScriptedServer) -> Counter[bytes]:
    """Request line and body of every HTTP request."""
    pieces = [request.replace(b"\r\n\r\n", b"\r\n").split(b"\r\n") for request in server.requests]
    return Counter(lines[0] + lines[-1] for lines in pieces if b"/ws" not in lines[0])


def cycled(name: str, count: int) -> list[bytes]:
    """What is sent of a part: its warm-up, then the load, each from the first request on."""
    numbers = [number % 4 for number in (*range(5), *range(count))]
    return [f'POST /{name}/{number} HTTP/1.1{{"n": {number}}}'.encode() for number in numbers]


def due_s(measurement: Measurement) -> list[float]:
    """Due times of all requests, from the first one's."""
    times = sorted(exemplar.due_s for exemplar in measurement.exemplars)
    return [time_s - times[0] for time_s in times]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_together_they_send_and_measure_what_one_process_would(count: int) -> None:
    reported: list[Progress] = []
    with scripted(answering(ok())) as server:
        whole, *parts = run_scenario(everything(), Target(server.url), reported.append, processes=count)
        requests = sent(server)
    measured = {measurement.part: measurement for measurement in parts}
    scheduled = {name: pacer_of(load).count for name, load in OPEN.items()}
    assert {name: of_part.counts.scheduled for name, of_part in measured.items()} == scheduled | {
        "closed": 23,
        "sockets": 7,
    }
    assert all(measurement.conservation_gap == 0 for measurement in (whole, *parts))
    assert [measurement.part for measurement in parts] == list(everything().parts)
    for name in (*scheduled, "closed"):
        completed = measured[name].counts.completed
        assert completed == measured[name].counts.scheduled, measured[name].errors
        histograms = (measured[name].response, measured[name].service, measured[name].send_lag)
        assert [histogram.count for histogram in histograms] == [completed] * 3
        assert measured[name].statuses == {"200": completed}
    assert requests == Counter(
        line for name in (*scheduled, "closed") for line in cycled(name, measured[name].counts.scheduled)
    )
    assert measured["sockets"].counts.failed == 7  # no WebSocket server, this one
    assert whole.counts.scheduled == sum(scheduled.values()) + 30
    for name, load in OPEN.items():
        pacer = pacer_of(load)
        expected = [float(pacer.due_s(n) or 0.0) for n in range(pacer.count)]
        assert due_s(measured[name]) == pytest.approx([time_s - expected[0] for time_s in expected], abs=1e-6)
    assert (reported[-1].done, reported[-1].expected) == (whole.counts.scheduled,) * 2
    assert reported[-1].response == whole.response


@pytest.mark.parametrize(
    "load",
    [
        ClosedLoad(workers=5, requests=100),
        WorkerStagesLoad(start_workers=5, stages=(WorkerStage(workers=5, duration_s=0.2),)),
    ],
)
def test_together_they_have_the_workers_of_one_process(load: HttpLoad) -> None:
    with scripted(answering(ok())) as server:
        (measurement,) = run_scenario(part("closed", load), Target(server.url), processes=2)
    assert measurement.phases["connect"].count == 5  # a worker has one connection
    assert measurement.counts.completed == measurement.counts.scheduled > 5


def children(parent: int) -> list[int]:
    """The load generator's processes that this process has started."""
    pattern = ["pgrep", "-P", str(parent), "-f", "loadtasks.engine.generator.child"]
    return [int(pid) for pid in subprocess.run(pattern, capture_output=True, text=True, check=False).stdout.split()]


def running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_one_that_is_killed_ends_the_scenario_with_a_sentence_and_the_others_with_it() -> None:
    seen: list[int] = []
    one_at_a_time = threading.Lock()

    def kill_one(connection: socket.socket, request: bytes) -> bool:
        with one_at_a_time:
            if not seen:
                seen.extend(children(os.getpid()))
                os.kill(seen[1], signal.SIGKILL)
        connection.sendall(ok())
        return True

    scenario = part("closed", ClosedLoad(workers=4, duration_s=20))
    with scripted(kill_one) as server, pytest.raises(ProcessError, match=r"process \d of 2 .* was ended by SIGKILL;"):
        run_scenario(scenario, Target(server.url), processes=2)
    assert len(seen) == 2
    assert not any(running(pid) for pid in seen)


def test_one_that_can_not_even_begin_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_CHILD", "loadtasks.engine.nowhere")
    scenario = part("closed", ClosedLoad(workers=2, requests=2))
    with pytest.raises(ProcessError, match="process 1 of 2 of the load generator ended with exit code 1") as caught:
        run_scenario(scenario, Target("http://127.0.0.1:9"), processes=2)
    assert caught.value.exit_code is ExitCode.BROKEN


def test_what_keeps_a_process_from_its_work_is_reported_as_by_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    with pytest.raises(BadInputError, match=r"/nowhere\.pem"):
        run_scenario(part("closed", ClosedLoad(workers=2, requests=2)), Target("https://127.0.0.1:9"), processes=2)


def test_a_mistake_of_ours_in_a_process_is_reported() -> None:
    work = Work(part("closed", ClosedLoad(workers=1, requests=1)), None)  # type: ignore[arg-type]
    with pytest.raises(ProcessError, match=r"process 1 of 1 .* failed \(AttributeError: ") as caught:
        generate_together([work], None)
    assert caught.value.exit_code is ExitCode.BROKEN
    assert "loadtasks/engine/generator/" in str(caught.value.__cause__)


RUN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where the tests run in the background
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.engine.net.target import Target
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario, Request
import sys
load = ClosedLoad(workers=2, duration_s=60)
scenario = HttpScenario(name="t.t", endpoint="t", requests=(Request(path="/"),), load=load)
run_scenario(scenario, Target(sys.argv[1]), processes=2)
"""


@contextlib.contextmanager
def measuring(
    server: ScriptedServer, requested: threading.Event
) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A process that measures with two others, as far as their load; in a group of its own, as a shell makes it."""
    command = [sys.executable, "-c", RUN, server.url]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE) as parent:
        try:
            assert requested.wait(60)
            yield parent, children(parent.pid)
        finally:
            parent.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_none_outlives_the_process_that_started_them(how: signal.Signals) -> None:
    requested = threading.Event()

    def handle(connection: socket.socket, request: bytes) -> bool:
        requested.set()
        time.sleep(0.05)
        connection.sendall(ok())
        return True

    with scripted(handle) as server, measuring(server, requested) as (parent, started):
        assert len(started) == 2
        os.killpg(parent.pid, how)
        _, said = parent.communicate(timeout=60)
        for _ in range(600):
            if not any(running(pid) for pid in started):
                break
            time.sleep(0.1)
        assert not any(running(pid) for pid in started)
    assert (b"KeyboardInterrupt" in said) is (how is signal.SIGINT)
    assert b"child" not in said  # none of them has anything to say of it
