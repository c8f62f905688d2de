"""The tools whose accuracy is compared: the percentiles that each reports of a scripted server under 500 requests/s."""

import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection

import numpy as np

from benchmarks.engine.bench import PEERS, finished, k6_command, measured
from benchmarks.engine.scripts import Script
from loadtasks.scenarios.load import OpenLoad

RATE = 500
ENOUGH, FEW = 1000, 10
"""Connections or users, for a stall of half a second at this rate."""
CLOSED = 3
_REQUEST = b"GET /k HTTP/1.1\r\nHost: scripted\r\n\r\n"
_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Reported:
    """What a tool reported. Times in seconds."""

    requests: int
    p50_s: float
    p99_s: float
    service_p99_s: float | None = None
    """None where the tool does not separate it from the response time."""
    scheduled: int | None = None
    """None where the tool does not report it."""
    off_s: tuple[float, float] | None = None
    """p50 and p99 of how far each response was off, where that is known."""


@dataclass(frozen=True)
class Tool:
    """One way to measure."""

    name: str
    program: str
    measure: Callable[[str, Script, int], Reported]
    """Called with URL, script and seconds."""
    judged: bool = False
    """Whether the benchmark fails where this tool is off."""
    few: bool = False
    """Whether it has too few connections or users for a stall, so that it is run for stalls alone."""

    @property
    def installed(self) -> bool:
        """Whether its program is installed."""
        return shutil.which(self.program) is not None

    def utilisation(self, script: Script) -> float:
        """Share of its connections that the rate keeps busy; 0 where it has as many as it needs."""
        return RATE * script.latency_s / FEW if self.few else 0.0


def _by_itself(url: str, script: Script, seconds: int) -> Reported:
    """One blocking socket. Since nothing else sends, it knows when each response is due."""
    host, _, port = url.removeprefix("http://").partition(":")
    took: list[float] = []
    late: list[float] = []
    with create_connection((host, int(port)), timeout=seconds) as connection:
        connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        first = sent = time.perf_counter()
        while sent - first < seconds:
            connection.sendall(_REQUEST)
            response = b""
            while not response.endswith(b"ok\n"):
                response += connection.recv(4096)
            end = time.perf_counter()
            late.append(end - first - script.respond_at(len(took), sent - first))
            took.append(end - sent)
            sent = time.perf_counter()
    p50_s, p99_s = np.quantile(took, (0.5, 0.99), method="inverted_cdf")  # observed times, none interpolated
    off_50_s, off_99_s = np.quantile(late, (0.5, 0.99), method="inverted_cdf")
    return Reported(len(took), float(p50_s), float(p99_s), off_s=(float(off_50_s), float(off_99_s)))


def _ours(connections: int) -> Callable[[str, Script, int], Reported]:
    def measure(url: str, _script: Script, seconds: int) -> Reported:
        load = OpenLoad(rate=RATE, duration_s=seconds, max_connections=connections)
        measurement, _ = measured(url, load, warmup_requests=10)
        return Reported(
            requests=measurement.counts.completed,
            p50_s=measurement.response.quantile_s(0.5) or 0.0,
            p99_s=measurement.response.quantile_s(0.99) or 0.0,
            service_p99_s=measurement.service.quantile_s(0.99),
            scheduled=measurement.counts.scheduled,
        )

    return measure


def _k6(users: int) -> Callable[[str, Script, int], Reported]:
    def measure(url: str, _script: Script, seconds: int) -> Reported:
        reported = json.loads(finished(k6_command(PEERS, f"{url}/k", users, seconds, rate=RATE)).output)
        if reported["failed"]:
            raise SystemExit(f"k6's requests failed: {reported}")
        return Reported(reported["requests"], reported["p50_ms"] / 1e3, reported["p99_ms"] / 1e3)

    return measure


def _wrk(url: str, _script: Script, seconds: int) -> Reported:
    output = finished(["wrk", "-t", "1", "-c", str(CLOSED), "-d", f"{seconds}s", "--latency", f"{url}/k"]).output
    percentiles = dict(re.findall(r"(\d+)%\s+([\d.]+[mu]?s)\n", output))
    count = re.search(r"(\d+) requests in", output)
    if count is None or not {"50", "99"} <= percentiles.keys() or "Socket errors" in output:
        raise SystemExit(f"wrk did not measure:\n{output}")
    return Reported(int(count[1]), _seconds(percentiles["50"]), _seconds(percentiles["99"]))


def _seconds(text: str) -> float:
    unit = text.lstrip("0123456789.")
    return float(text.removesuffix(unit)) * _UNITS_S[unit]


TOOLS = (
    Tool("the server by itself", "taskset", _by_itself),
    Tool("loadtasks", "taskset", _ours(ENOUGH), judged=True),
    Tool(f"loadtasks, {FEW} connections", "taskset", _ours(FEW), judged=True, few=True),
    Tool("k6", str(PEERS / "k6"), _k6(RATE)),
    Tool(f"k6, {FEW} users", str(PEERS / "k6"), _k6(FEW), few=True),
    Tool(f"wrk, {CLOSED} connections", "wrk", _wrk),
)
