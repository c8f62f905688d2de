"""Apache Otava over the benchmark's nights, in its own environment (`.venv-otava`)."""

import json
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.verdict.nights import JUDGED, Nights
from benchmarks.verdict.simple import Raised

PROJECT = Path(__file__).parents[2]
_PYTHON = PROJECT / ".venv-otava" / "bin" / "python"


def there() -> bool:
    """Whether Otava is installed: `make benchmark-verdict` does it."""
    return _PYTHON.exists()


def otava(nights: Nights) -> Raised:
    """The nights at which Otava newly reports a rise of p50 or p95."""
    asked = [_start(nights, share) for share in (0.5, 0.95)]
    raised = np.zeros(nights.times_s.shape[:2], dtype=bool)
    for process, lines in asked:
        told, _ = process.communicate(lines)
        if process.returncode:
            raise RuntimeError(f"Otava ended with {process.returncode}")
        for row, line in enumerate(told.splitlines()):
            raised[row, json.loads(line)] = True
    return raised


def _start(nights: Nights, share: float) -> tuple["subprocess.Popen[str]", str]:
    command = [str(_PYTHON), str(Path(__file__).with_name("otava_peer.py"))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lines = [
        json.dumps({"values": percentile_.tolist(), "first": JUDGED}) + "\n"
        for percentile_ in nights.percentile_s(share)
    ]
    return process, "".join(lines)
