"""The generator measured by itself: what it can send on this machine, and how punctually.

The engine drives a server that does nothing, started in a process group of its own, by the same path as any scenario:
first in a closed loop as fast as it goes (the ceiling), then with an open load far below that (the jitter).
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import ClosedLoad, HttpLoad, OpenLoad
from loadtasks.scenarios.model import HttpScenario, Request

_NULL_SERVER = Path(__file__).with_name("null_server.py")
_CEILING = ClosedLoad(workers=10, duration_s=0.25)
_JITTER_S = 0.25
_JITTER_RATE = 1000.0
_MOST_OF_CEILING = 0.1
"""The jitter is that of a load at most this share of the ceiling."""


def calibrate() -> Calibration:
    """Calibrate the generator; takes about 0.8 s.

    Raises:
        OSError: no process can be started.
    """
    with _null_server() as target:
        ceiling_per_s = _measure(_CEILING, target).throughput_per_s or 0.0
        rate = min(_JITTER_RATE, max(1.0, _MOST_OF_CEILING * ceiling_per_s))
        jitter = _measure(OpenLoad(rate=rate, duration_s=_JITTER_S), target).send_lag
    return Calibration(ceiling_per_s=ceiling_per_s, jitter_p99_s=jitter.quantile_s(0.99) or 0.0)


def _measure(load: HttpLoad, target: Target) -> Measurement:
    scenario = HttpScenario(name="null.calibration", endpoint="null", requests=(Request(path="/"),), load=load)
    (measurement,) = run_scenario(scenario, target)
    return measurement


@contextlib.contextmanager
def _null_server() -> Iterator[Target]:
    """A null server, ended with its standard input."""
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
            yield Target(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
