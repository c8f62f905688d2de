"""The engine alone, in a process of its own that is driven case by case: what `python -m loadtasks run` does between
opening a run and judging it, without the seconds that opening and judging take.

The process reads one JSON object a line, and answers each with one:

    {"name": ..., "url": ..., "scenario": {...}, "settings": {...}}
    {"seconds": ..., "peak_mb": ..., "version": ..., "not_measured": ..., "metrics": ..., "measurement": {...}}
"""

import gc
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loadtasks.engine.http import probe
from loadtasks.engine.http.metrics_reader import compare_metrics, read_metrics
from loadtasks.engine.http.probe import read_version
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.errors import TargetUnavailableError
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.files import read_scenarios
from loadtasks.steps.preflight import ask_target, usual_page_is_silent
from tests.field.hostile.case import Case
from tests.field.hostile.server import hostile_target
from tests.field.hostile.tls_identity import write_authority

_ROOT = Path(__file__).resolve().parents[3]
MAX_ADDRESS_SPACE = 2 << 30


class EngineHungError(Exception):
    """The engine did not end a case in time."""


class EngineProcess:
    """Runs cases one after the other. One that hangs costs the process; the next one gets a new one."""

    def __init__(self, probe_deadline_s: float | None = None) -> None:
        """Prepare; `probe_deadline_s`: in place of the engine's own, to be quick."""
        self._folder = tempfile.TemporaryDirectory()
        self._authority = write_authority(Path(self._folder.name) / "ca.pem")
        self._process: subprocess.Popen[bytes] | None = None
        self._probe_deadline_s = probe_deadline_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop()
        self._folder.cleanup()

    def run(self, case: Case, *, workers: int | None = None, max_s: float = 20) -> dict[str, Any]:
        """Run a case. What is returned may have an `exception`: the traceback of what the engine raised.

        Raises:
            EngineHungError: it takes longer than `max_s`.
        """
        process = self._process = self._process or self._start()
        with hostile_target({case.name: case}) as url:
            scenario = case.scenario_of(workers)
            order = {"name": case.name, "url": url, "scenario": scenario, "settings": dict(case.settings)}
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], max_s)
            line = process.stdout.readline() if ready else b""
        if line:
            return dict(json.loads(line))
        self._stop()
        if ready:
            return {"exception": "the process of the engine died", "seconds": 0, "peak_mb": float("nan")}
        raise EngineHungError(f"{case.name}: not ended after {max_s:g} s")

    def _start(self) -> "subprocess.Popen[bytes]":
        deadline = [str(self._probe_deadline_s)] if self._probe_deadline_s else []
        return subprocess.Popen(
            [sys.executable, "-m", "tests.field.hostile.engine_process", *deadline],
            cwd=_ROOT,
            env=os.environ | {"REQUESTS_CA_BUNDLE": str(self._authority), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def _stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None


def _serve() -> None:
    """Run cases until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE))

    if len(sys.argv) > 1:
        probe.PROBE_DEADLINE_S = float(sys.argv[1])
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        gc.collect()
        _forget_peak()
        began = time.monotonic()
        try:
            found = _exercise(**json.loads(line))
        except Exception:
            found = {"exception": traceback.format_exc()}
        found |= {"seconds": time.monotonic() - began, "peak_mb": _peak_mb()}
        answers.write(json.dumps(found) + "\n")
        answers.flush()


def _exercise(name: str, url: str, scenario: dict[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:

    with tempfile.TemporaryDirectory() as folder:
        file = {"endpoint": "hostile", "scenarios": {name: scenario}}
        Path(folder, "hostile.yaml").write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
        (read,) = read_scenarios(Path(folder)).values()
    target = Target(
        url,
        health_path=settings.get("LOADTASKS_HEALTH_PATH"),
        metrics_path=settings.get("LOADTASKS_METRICS_PATH"),
    )
    try:
        refused = ask_target(target, [read])
        usual_page_is_silent(target)
    except TargetUnavailableError as error:
        return {"not_measured": str(error)}
    if refused:
        return {"not_measured": str(refused)}
    version = read_version(target)
    before = read_metrics(target)
    measurement = run_scenario(read, target)[0]
    metrics = compare_metrics(target, before, read_metrics(target), Redactor(()))
    return {
        "version": version,
        "metrics": metrics and metrics.model_dump(mode="json"),
        "measurement": measurement.model_dump(mode="json", include={"counts", "errors", "phases", "exemplars"}),
    }


def _forget_peak() -> None:
    """Let the highest resident memory begin anew (proc(5), /proc/pid/clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    """The highest resident memory since `_forget_peak`."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    _serve()
