"""What this engine, k6 and wrk report of a server whose latency is scripted, and what is true.

    make benchmark-accuracy

500 requests a second for 20 s, server and generator on cores of their own. The scripts, and the closed form of their
percentiles: `benchmarks/engine/scripts.py`. A tool's `off` is what it reports minus the closed form. Rows:

    the server by itself       One blocking socket, one request after the other; here `off` are p50 and p99 of how long
                               after its scripted time each response arrived, which no tool can improve on. `server
                               late`, in every row, is by the server's own clock: p99 of how late it sent, which at the
                               end of a stall is the time that sending 250 responses takes.
    loadtasks                  Open load, as many connections as it needs. Response time is end - due.
    loadtasks, 10 connections  In the stall requests wait for a connection. Response time includes the wait; service
                               time (end - sent) does not: it is what a closed loop of 10 would report.
    k6                         Open load (constant-arrival-rate), with enough users for the stall. It times
                               http_req_duration: from sending to the last byte.
    k6, 10 users               An iteration that finds no user is never sent, and not in the percentiles.
    wrk                        Closed load, since it has no rate: 3 connections make about 500/s of 5 ms. For requests
                               that a slow response kept it from sending it adds times that it never measured, so that
                               it takes every slow response for a stall.

Exits with 1 where this engine's p50 or p99 of the response time is off by more than 3 % or 0.5 ms, whichever is larger,
or its p99 of the stall by more than 5 %; or where it lost a request.
"""

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.engine.bench import PROJECT, machine, on_server_core, pin, table
from benchmarks.engine.scripts import SCRIPTS, Stall
from benchmarks.engine.tools import RATE, TOOLS, Reported, Tool


class Deviation(NamedTuple):
    """How far one percentile is off. Times in seconds."""

    off_s: float
    allowed_s: float
    true_s: float


@dataclass(frozen=True)
class Result:
    """What one tool reported of one script, and how late the server was meanwhile."""

    script_name: str
    tool: Tool
    reported: Reported
    late_p99_s: float

    def deviation(self, q: float) -> Deviation:
        """The deviation of the median (0.5) or of the 99th percentile (0.99)."""
        script, median = SCRIPTS[self.script_name], q == 0.5  # noqa: PLR2004 - explained above
        true_s = script.quantile_s(q, self.tool.utilisation(script))
        if self.reported.off_s is None:
            off_s = (self.reported.p50_s if median else self.reported.p99_s) - true_s
        else:
            off_s = self.reported.off_s[0 if median else 1]
        stalled = isinstance(script, Stall) and not median
        return Deviation(off_s, 0.05 * true_s if stalled else max(0.03 * true_s, 0.0005), true_s)

    def problems(self) -> Iterator[str]:
        """Where this engine is off by more than its limit, a sentence each."""
        for q in (0.5, 0.99):
            off_s, allowed_s, true_s = self.deviation(q)
            if self.tool.judged and abs(off_s) > allowed_s:
                yield (
                    f"{self.tool.name}, {self.script_name}: p{q * 100:.0f} is {off_s * 1e3:+.2f} ms off {_ms(true_s)} "
                    f"ms; {_ms(allowed_s)} ms is allowed (the server was {_ms(self.late_p99_s)} ms late, p99)"
                )
        if self.reported.scheduled not in (None, self.reported.requests):
            yield (
                f"{self.tool.name}, {self.script_name}: {self.reported.scheduled:,} requests were scheduled and "
                f"{self.reported.requests:,} completed"
            )

    def row(self) -> list[str]:
        """Its line of the table."""
        service_s = self.reported.service_p99_s
        cells = [self.tool.name, f"{self.reported.requests:,}"]
        for q, said_s in ((0.5, self.reported.p50_s), (0.99, self.reported.p99_s)):
            off_s, _, true_s = self.deviation(q)
            share = f" ({off_s / true_s:+.1%})" if self.reported.off_s is None else ""
            cells += [_ms(said_s), f"{off_s * 1e3:+.2f}{share}"]
        return [*cells, "" if service_s is None else _ms(service_s), _ms(self.late_p99_s)]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"


@contextlib.contextmanager
def _scripted_server(script_name: str, late: dict[str, float]) -> Iterator[str]:
    """The URL of a fresh server; when it has ended, `late` holds how late it was."""
    command = on_server_core([sys.executable, "-m", "benchmarks.engine.scripted_server", script_name])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout is not None  # a pipe
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()
            late |= json.loads(process.stdout.read())


def _result(script_name: str, tool: Tool, seconds: int) -> Result:
    late: dict[str, float] = {}
    with _scripted_server(script_name, late) as url:
        reported = tool.measure(url, SCRIPTS[script_name], seconds)
    print(f"{script_name}: {tool.name}", file=sys.stderr)
    return Result(script_name, tool, reported, late["late_p99_s"])


def _show(script_name: str, results: list[Result]) -> None:
    script = SCRIPTS[script_name]
    true = f"p50 {_ms(script.quantile_s(0.5))} ms, p99 {_ms(script.quantile_s(0.99))} ms"
    for result in results:
        if result.tool.few:
            true += f" ({_ms(result.deviation(0.99).true_s)} ms with {result.tool.name.rpartition(', ')[2]})"
            break
    print(f"\n{script_name}, {RATE}/s; closed form: {true}\n")
    header = ["times in ms", "requests", "p50", "off", "p99", "off", "service p99", "server late"]
    print(table(header, [result.row() for result in results]))


def main() -> None:
    """Measure, print a table for each script, and check this engine's limits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="length of each run; whole periods of the stall (5 s)")
    options = parser.parse_args()
    pin()
    print(machine())
    problems: list[str] = []
    for script_name, script in SCRIPTS.items():
        tools = [tool for tool in TOOLS if tool.installed and (isinstance(script, Stall) or not tool.few)]
        results = [_result(script_name, tool, options.seconds) for tool in tools]
        _show(script_name, results)
        problems += [problem for result in results for problem in result.problems()]
    missing = [tool.name for tool in TOOLS if not tool.installed]
    if missing:
        print(f"\nNot installed, so left out: {', '.join(missing)}")
    if problems:
        sys.exit("\n" + "\n".join(problems))


if __name__ == "__main__":
    main()
