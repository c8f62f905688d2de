"""The generator measured by itself: what it can send on this machine, and how punctually.

It drives a server that does nothing, started in a process group of its own, in the same way as any scenario: first in a
closed loop as fast as it goes (the ceiling), then with an open load far below that (the jitter).
"""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from time import perf_counter

from loadtasks.engine.generator.cpus import tied_to, usable_cpus
from loadtasks.engine.generator.driver import Work, generate
from loadtasks.engine.net.address import Address
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.health import Calibration
from loadtasks.scenarios.load import ClosedLoad, HttpLoad, OpenLoad
from loadtasks.scenarios.model import HttpScenario, Request

_NULL_SERVER = Path(__file__).with_name("null_server.py")
_CEILING = ClosedLoad(workers=10, duration_s=0.25)
_ROUND_TRIPS_S = 0.25
_MAX_CPUS = 4
"""CPUs on which round trips are measured at most, so that each has 60 ms and more."""
_CONNECTIONS = 50
_CONNECT_TIMEOUT_S = 1.0
_JITTER_S = 0.25
_MAX_JITTER_RATE = 1000.0
_MAX_CEILING_SHARE = 0.1
"""The jitter is that of a load of at most this share of the ceiling."""


def calibrate() -> Calibration:
    """Calibrate the generator; takes about 1.1 s.

    Raises:
        OSError: no process can be started.
    """
    with _null_server() as (target, process):
        round_trip_s, connect_s = _round_trip_s(target, process), _connect_s(target)
        closed = _record(_CEILING, target)
        ceiling_per_s = closed.completed / closed.elapsed_s if closed.elapsed_s > 0 else 0.0
        rate = min(_MAX_JITTER_RATE, max(1.0, _MAX_CEILING_SHARE * ceiling_per_s))
        jitter = _record(OpenLoad(rate=rate, duration_s=_JITTER_S), target).send_lag
    return Calibration(
        ceiling_per_s=ceiling_per_s,
        jitter_p99_s=jitter.quantile_s(0.99) or 0.0,
        round_trip_s=round_trip_s,
        connect_s=connect_s,
    )


def sample_null_server() -> tuple[float | None, float | None]:
    """Measure the null server alone; takes about 0.4 s.

    Returns:
        The mean times of a request and to connect, in seconds; None where there is none.

    Raises:
        OSError: no process can be started.
    """
    with _null_server() as (target, process):
        return _round_trip_s(target, process), _connect_s(target)


def _round_trip_s(target: Target, server: int) -> float | None:
    """The mean of the CPUs; None where there was no round trip, or the system lets no process choose its CPU.

    One request is sent at a time, and server and generator share a CPU. Left to the system, they share one or they
    don't: then one wakes the other from an idle CPU, which takes three times as long as the rest, and differs from run
    to run by far more. A mean notices a neighbour that is busy; a median hardly does, since most round trips meet none.
    """
    cpus: list[int] = []
    took_s = []
    with contextlib.suppress(OSError):
        cpus = sorted(usable_cpus())[:_MAX_CPUS]
    load = ClosedLoad(workers=1, duration_s=_ROUND_TRIPS_S / max(len(cpus), 1))
    for cpu in cpus:
        with contextlib.suppress(OSError), tied_to({cpu}, server):
            recorder = _record(load, target)
            if recorder.completed and recorder.elapsed_s > 0:
                took_s.append(recorder.elapsed_s / recorder.completed)
    return fmean(took_s) if took_s else None


def _connect_s(target: Target) -> float | None:
    address, took_s = Address.of(target), []
    with contextlib.suppress(OSError):
        for _ in range(_CONNECTIONS):
            began_s = perf_counter()
            with socket.create_connection((address.host, address.port), _CONNECT_TIMEOUT_S):
                took_s.append(perf_counter() - began_s)
    return fmean(took_s) if took_s else None


def _record(load: HttpLoad, target: Target) -> Recorder:
    scenario = HttpScenario(name="null.calibration", endpoint="null", requests=(Request(path="/"),), load=load)
    recorder = generate(Work(scenario, target), None).recorder
    recorder.fold()
    return recorder


@contextlib.contextmanager
def _null_server() -> Iterator[tuple[Target, int]]:
    """A null server, and its process; it ends when its standard input is closed."""
    process = subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, str(_NULL_SERVER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    with process:  # closes its pipes, which ends it, and waits for it
        try:
            assert process.stdout is not None  # noqa: S101 - a pipe
            port = process.stdout.readline().strip()
            if not port:
                raise ChildProcessError(f"the null server ended with exit code {process.wait()}")
            yield Target(f"http://127.0.0.1:{port}"), process.pid
        finally:
            process.terminate()
