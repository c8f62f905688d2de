"""Apache Otava over the benchmark's runs, in its own environment (`.venv-otava`)."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.verdict.simple_detectors import Raised
from benchmarks.verdict.simulated_runs import FIRST_JUDGED, SimulatedRuns

PROJECT = Path(__file__).parents[2]
_PYTHON = PROJECT / ".venv-otava" / "bin" / "python"
_COMMAND = (str(_PYTHON), str(Path(__file__).with_name("otava_peer.py")))


def is_installed() -> bool:
    """Whether Otava is installed; `make benchmark-verdict` installs it."""
    return _PYTHON.exists()


def otava(runs: SimulatedRuns) -> Raised:
    """Whether Otava newly reports a rise of p50 or p95, by series and run."""
    processes = [_start(runs, share) for share in (0.5, 0.95)]
    raised = np.zeros(runs.times_s.shape[:2], dtype=bool)
    for process, lines in processes:
        output, _ = process.communicate(lines)
        if process.returncode:
            raise RuntimeError(f"Otava ended with {process.returncode}")
        for row, line in enumerate(output.splitlines()):
            raised[row, json.loads(line)] = True
    return raised


def otava_changes(series: Iterable[Sequence[float]]) -> Iterator[list[tuple[int, int, int]]]:
    """What Otava newly reports in long series, one after the other.

    Each change is the point at which it is reported, the first point of the new level, and 1 (higher) or -1 (lower).
    """
    process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdin
        assert process.stdout
        for values in series:
            process.stdin.write(json.dumps({"values": list(values), "first": FIRST_JUDGED, "either": True}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("Otava ended before it had judged all series")
            yield [(raised, first, direction) for raised, first, direction in json.loads(line)]
        process.stdin.close()


def _start(runs: SimulatedRuns, share: float) -> tuple["subprocess.Popen[str]", str]:
    process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lines = [
        json.dumps({"values": percentile.tolist(), "first": FIRST_JUDGED}) + "\n"
        for percentile in runs.percentile_s(share)
    ]
    return process, "".join(lines)
