"""What the engine's benchmarks share: cores, servers on a core of their own, generators, tables."""

import contextlib
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection, socket

import psutil  # type: ignore[import-untyped]
from pydantic import TypeAdapter

from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import HttpLoad

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
PEERS = PROJECT / ".venv-benchmarks" / "bin"
"""Where the programs of the peers are, in an environment of their own."""
GENERATOR_CORE, SERVER_CORE = 0, 1
BODY = "x" * 1024
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; server_tokens off; tcp_nodelay on; keepalive_requests 1000000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} backlog=1024; location = /k {{ return 200 "{body}"; }} }}
}}
"""
# The response comes from memory, since the server must not limit the generators that are compared. On one idle core wrk
# gets 121,000/s of this, about as many of haproxy's `http-request return` (122,000) and fewer of h2o (114,000), but
# 107,000 of a file through open_file_cache and 79,000 of a plain file, which is less than wrk can send.


@dataclass(frozen=True)
class Finished:
    """What a generator printed, and what it used."""

    output: str
    cpu_share: float
    """CPU time over wall time, its start included; 1.0 is one whole core."""


class PinnedServer:
    """A running server and its workers."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._process = psutil.Process(pid)

    def cpu_s(self) -> float:
        """CPU time used so far, in seconds."""
        processes = [self._process, *self._process.children(recursive=True)]
        times = [process.cpu_times() for process in processes]
        return float(sum(time_s.user + time_s.system for time_s in times))


def pin() -> None:
    """Pin this process, and the generators that it starts, to the generators' core.

    Raises:
        SystemExit: there is no second core for the server.
    """
    cores = os.sched_getaffinity(0)
    if not {GENERATOR_CORE, SERVER_CORE} <= cores:
        raise SystemExit(f"needs cores {GENERATOR_CORE} and {SERVER_CORE}, and may use {sorted(cores)}")
    os.sched_setaffinity(0, {GENERATOR_CORE})


def on_server_core(command: Sequence[str]) -> list[str]:
    """The command, pinned to the server's core."""
    return ["taskset", "-c", str(SERVER_CORE), *command]


def finished(command: Sequence[str]) -> Finished:
    """Run a generator to its end.

    Raises:
        SystemExit: it failed.
    """
    used_s, began = _children_cpu_s(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    elapsed_s = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return Finished(done.stdout, (_children_cpu_s() - used_s) / elapsed_s)


def measured(
    url: str, load: HttpLoad, *, warmup_requests: int = 100, calibration: Calibration | None = None
) -> tuple[Measurement, Finished]:
    """Run this engine in a process of its own, and return what it measured."""
    calibrated = TypeAdapter(Calibration | None).dump_json(calibration).decode()
    program = [sys.executable, "-m", "benchmarks.engine.ours"]
    done = finished([*program, url, load.model_dump_json(), str(warmup_requests), calibrated])
    return Measurement.model_validate_json(done.output), done


def k6_command(programs: Path, page: str, users: int, seconds: int, *, rate: int | None = None) -> list[str]:
    """The command of k6 with k6.js: a closed load of `users`, or an open one of `rate` requests a second."""
    settings = {"URL": page, "VUS": str(users), "SECONDS": str(seconds), **({"RATE": str(rate)} if rate else {})}
    command = [str(programs / "k6"), "run", "--quiet", "--no-usage-report", "--address", ""]
    for name, value in settings.items():
        command += ["-e", f"{name}={value}"]
    return [*command, str(HERE / "k6.js")]


@contextlib.contextmanager
def nginx() -> Iterator[PinnedServer]:
    """An nginx on a free port, pinned to the server's core, that responds to /k with 1 KiB."""
    with tempfile.TemporaryDirectory() as name, socket() as probe:
        folder = Path(name)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        folder.chmod(0o755)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, body=BODY))
        server = subprocess.Popen(on_server_core(["nginx", "-c", str(folder / "nginx.conf")]))
        try:
            _wait(port)
            yield PinnedServer(f"http://127.0.0.1:{port}", server.pid)
        finally:
            server.terminate()
            server.wait()


def machine() -> str:
    """The machine and its load average, as a sentence."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    return (
        f"{time.strftime('%d %B %Y')}; {os.cpu_count()} cores of {model}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}; load average before {os.getloadavg()[0]:.2f}"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: names in the first column, numbers in all others."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "| " + " | ".join([f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]) + " |"

    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(ruler), *(line(row) for row in rows)])


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _wait(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("nginx did not start")
